"""Which code a run was made by: the commit, and all in which the work tree differs from it.

Reads: the Git repository, the variables that hold secrets
"""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mlops.core import urls

# What the pipeline itself writes and a run carries by itself.
GENERATED = ("params.yaml", "dvc.lock", "sources.lock")
# Where a file that Git does not know yet is part of what runs. Ignored files never are.
SOURCES = (
    "src", "conf", "requirements", "dvc.yaml", "Makefile", "pyproject.toml", "bentofile.yaml",
    ".dvc/config", ".dvcignore",
)  # fmt: skip
LARGEST = 10_000_000  # bytes of a difference that a run carries
# Whatever a person's own settings say, `git apply` must read it.
_DIFF = ("diff", "--binary", "--no-color", "--no-ext-diff", "--no-textconv", "--no-relative",
         "--src-prefix=a/", "--dst-prefix=b/", "HEAD", "--")  # fmt: skip
_FRESH = ("--others", "--exclude-standard", "-z", "--", *SOURCES)


@dataclass(frozen=True)
class Difference:
    """In what the work tree differs from its commit."""

    files: tuple[str, ...] = ()
    patch: bytes = b""
    withheld: str = ""  # why the patch must not be recorded


def tags() -> dict[str, str]:
    """Return the Git commit, whether the work tree differs from it, and the DVC experiment."""
    found = {"dvc.experiment": os.environ.get("DVC_EXP_NAME", "")}
    if commit := _git("rev-parse", "HEAD"):
        files = changed()
        found["git.commit"] = commit
        found["git.branch"] = _branch()
        found["git.dirty"] = "unknown" if files is None else "yes" if files else "no"
    return {name: value for name, value in found.items() if value}


def changed() -> tuple[str, ...] | None:
    """Return the files that differ from the commit, what the pipeline writes apart.

    None where Git does not know.
    """
    tracked = _run("diff", "--name-only", "-z", "--no-relative", "HEAD", "--", *_scope())
    fresh = _run("ls-files", "--full-name", *_FRESH)
    if tracked is None or fresh is None:
        return None
    return tuple(sorted({os.fsdecode(name) for name in (tracked + fresh).split(b"\0") if name}))


def difference() -> Difference:
    """Return the changes, staged or not, of known files, and the new files that can run."""
    files = changed()
    if files is None:
        return Difference(withheld="Git does not know it")
    if not files:
        return Difference()
    with tempfile.TemporaryDirectory() as folder:
        # In a copy of the index new files can be announced, so that one patch has all.
        index = Path(folder) / "index"
        own = Path(_git("rev-parse", "--path-format=absolute", "--git-path", "index"))
        if own.is_file():
            shutil.copy(own, index)
        fresh = (_run("ls-files", *_FRESH) or b"").split(b"\0")
        _run("add", "--intent-to-add", "--", *filter(None, map(os.fsdecode, fresh)), index=index)
        patch = _run(*_DIFF, *_scope(), index=index) or b""
    return Difference(files, patch, _unfit(patch))


def subject(commit: str) -> str:
    """Return the first line of what a commit says, nothing where it is not known here."""
    return _git("log", "-1", "--format=%s", commit, "--")


def who() -> str:
    """Return who started this: CI's actor, else Git's user, else the login."""
    actors = ("GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILD_REQUESTEDFOR")
    known = next((os.environ[name] for name in actors if os.environ.get(name)), "")
    return known or _git("config", "user.name") or os.environ.get("USER", "")


def address() -> str:
    """Return where the repository was cloned from, if that is a server; a password stays out."""
    url = _git("config", "remote.origin.url")
    return urls.plain(url) if re.match(r"[\w+]+://|[\w.-]+@[\w.-]+:", url) else ""


def _branch() -> str:
    """Return the branch; CI checks out a commit, and names its branch in a variable."""
    names = ("GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_REF_NAME")
    known = next((os.environ[name] for name in names if os.environ.get(name)), "")
    return known or _git("symbolic-ref", "--quiet", "--short", "HEAD")


def _scope() -> tuple[str, ...]:
    return (".", *(f":(exclude){name}" for name in GENERATED))


def _unfit(patch: bytes) -> str:
    """Return why a patch cannot be recorded; nothing where it can."""
    if not patch:
        return "Git gives none"
    if len(patch) > LARGEST:
        return f"it is {len(patch) / 1e6:.0f} MB"
    added = b"\n".join(line for line in patch.splitlines() if line.startswith(b"+"))
    for name, value in os.environ.items():
        if urls.secret_variable(name) and len(value) >= 8 and os.fsencode(value) in added:
            return f"it contains the value of {name}"
    found = urls.secret(added.decode("utf-8", "replace"))
    return f"it contains what looks like a key or a password: {found}" if found else ""


def _git(*arguments: str) -> str:
    return (_run(*arguments) or b"").decode("utf-8", "replace").strip()


def _run(*arguments: str, index: Path | None = None) -> bytes | None:
    variables = {"GIT_INDEX_FILE": str(index)} if index else {}
    try:
        done = subprocess.run(
            ["git", *arguments],
            capture_output=True,
            check=False,
            timeout=60,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", **variables},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None  # a project without Git can still train
    return done.stdout if done.returncode == 0 else None
