"""Check what DVC needs of this folder, whose own messages about it are hard to read.

Reads: the Git repository, .dvc, dvc.lock
"""

import os
import pwd
import shlex
import subprocess
from pathlib import Path

import yaml

from mlops.core.errors import StorageError, run

LOCK = Path("dvc.lock")


def check() -> None:
    """Refuse a folder in which no pipeline can run."""
    check_git()
    check_rights()
    check_lock()


def check_git() -> None:
    """Refuse a folder that is in no repository, as one out of a ZIP of GitHub."""
    command = ["git", "rev-parse", "--git-dir"]
    try:
        said = subprocess.run(command, text=True, capture_output=True, check=False)
    except OSError:
        raise StorageError("git is not on the PATH; install Git, in which DVC works") from None
    if "dubious ownership" in said.stderr:
        check_rights()
        raise StorageError(
            f"Git does not trust {Path.cwd()}, which another user owns; "
            f"git config --global --add safe.directory {shlex.quote(str(Path.cwd()))}"
        )
    if said.returncode:
        raise StorageError(
            "this folder is not in a Git repository, which DVC needs; clone the project, or "
            'make one: git init && git add -A && git commit -m "Start"'
        )


def check_rights() -> None:
    """Refuse a folder that somebody else owns and this user may not write to."""
    for path in (Path(), Path(".dvc"), Path(".dvc/tmp"), Path(".dvc/tmp/lock"), LOCK):
        if path.exists() and not os.access(path, os.W_OK):
            raise StorageError(_foreign(path))


def _foreign(path: Path) -> str:
    owner, me = _user(path.stat().st_uid), _user(os.geteuid())
    return (
        f"{path.absolute()} belongs to {owner}, and {me} may not write to it; "
        f"sudo chown -R {me} {shlex.quote(str(Path.cwd()))}, or clone the project as {me}"
    )


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # as in a container
        return str(number)


def check_lock() -> None:
    """Refuse a dvc.lock that is cut off or garbled."""
    if not LOCK.exists():
        return
    text = LOCK.read_bytes()
    if b"\n<<<<<<<" in b"\n" + text:
        raise StorageError(f"{LOCK} has a merge conflict; run `make resolve`")
    try:
        found = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, UnicodeError):
        found = None
    whole = isinstance(found, dict) and "schema" in found
    if not whole or not isinstance(found.get("stages", {}), dict):
        raise StorageError(
            f"{LOCK} is damaged; git checkout {LOCK}, or remove it: then all stages run again"
        )


if __name__ == "__main__":
    run(check)
