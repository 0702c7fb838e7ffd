"""The hashes that Git knows: in dvc.lock and *.dvc of every commit, and of the work tree.

Reads: the Git repository and the branches and tags of its remotes
"""

import os
import re
import subprocess
from pathlib import Path

from mlops.core.errors import StorageError

OID = re.compile(r"(?<![0-9a-z])[0-9a-f]{32}(?:\.dir)?(?![0-9a-z])")
FILES = (":(top,glob)**/dvc.lock", ":(top,glob)**/*.dvc")
SECONDS = 120


def find_hashes(text: str) -> set[str]:
    """Return all hashes in a text: of a lock file, a tag, an entry of the run-cache."""
    return set(OID.findall(text))


def find_referenced() -> set[str]:
    """Return the hashes that any commit of any branch or tag names, or the work tree.

    Raise StorageError unless the whole history is here, that of the remotes included: a branch
    that a colleague has pushed since the last fetch needs its objects, too.
    """
    if _git("rev-parse", "--is-shallow-repository").strip() == "true":
        raise StorageError(
            "the clone is shallow, so what is unused is unknown; run `git fetch --unshallow --tags`"
        )
    log = ["log", "--all", "--stdin", "-m", "--format=", "--raw", "--no-abbrev", "--no-renames"]
    changes = _git(*log, "--", *FILES, stdin=_list_published())
    blobs = {line.split()[3] for line in changes.splitlines() if line.startswith(":")}
    blobs = {blob for blob in blobs if blob.strip("0")}  # where the file was deleted
    contents = _git("cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in sorted(blobs)))
    if lost := re.search(r"^(\w+) missing$", contents, re.M):
        raise StorageError(
            f"the Git object {lost[1]} is missing; nothing is deleted until `git fetch --refetch` "
            "has restored it"
        )
    return find_hashes(contents) | _read_work_tree()


def _read_work_tree() -> set[str]:
    """Return the hashes in the work tree, committed or not.

    What Git ignores is left out: an embedded MLflow store there has a dvc.lock of every run.
    """
    top = Path(_git("rev-parse", "--show-toplevel").strip())
    kinds = ("--cached", "--others", "--exclude-standard")
    listed = _git("ls-files", "-z", "--full-name", *kinds, "--", *FILES)
    paths = {top / name for name in listed.split("\0") if name} | {Path("dvc.lock")}
    texts = (path.read_text("utf-8", "replace") for path in paths if path.is_file())
    return {found for text in texts for found in find_hashes(text)}


def _list_published() -> str:
    """Return the commits of all branches and tags of the remotes, one a line."""
    found: set[str] = set()
    for name in _git("remote").split():
        listed = _git("ls-remote", "--heads", "--tags", name)
        found |= {line.split()[0] for line in listed.splitlines()}
    asked = "".join(f"{commit}\n" for commit in sorted(found))
    kinds = _git("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=asked)
    answers = [line.split() for line in kinds.splitlines()]
    if any(kind == "missing" for _, kind in answers):
        raise StorageError(
            "some branches or tags of the Git remotes are newer, so what is unused is unknown; run "
            "`git fetch --all --tags`"
        )
    return "".join(f"{commit}\n" for commit, kind in answers if kind in ("commit", "tag"))


def _git(*arguments: str, stdin: str = "") -> str:
    quiet = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            ["git", *arguments],
            input=stdin.encode(),
            env=quiet,
            capture_output=True,
            check=False,
            timeout=SECONDS,
        )
        failure = done.stderr.decode("utf-8", "replace").strip() if done.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        failure = str(error)
    if failure:
        raise StorageError(
            f"`git {' '.join(arguments[:2])}` failed: {failure.splitlines()[-1]}; nothing is "
            "deleted until Git can list what is used"
        )
    return done.stdout.decode("utf-8", "replace")
