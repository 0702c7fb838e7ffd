"""Train the branch that a change goes into, as it is, in a separate work tree.

It shares the cache of DVC, so that stages which the change does not touch are restored. Its own
code runs, on the packages of this work tree.

Reads: the Git repository, .dvc/
Writes: a temporary folder; the cache
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlops.core.errors import KnownError, LineageError
from mlops.pipeline.branch_experiment import DEFAULT

# Nothing of the base is recorded anywhere, and nothing that was asked of the change is asked of it.
UNSET = ("MLFLOW_TRACKING_URI", "SET", "REFRESH", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")


@contextmanager
def work_tree(commit: str) -> Iterator[Path]:
    """Check a commit out into a temporary work tree."""
    with tempfile.TemporaryDirectory(prefix="base-") as name:
        home = Path(name) / "base"
        _git("worktree", "add", "--quiet", "--detach", str(home), commit)
        try:
            yield home / _git("rev-parse", "--show-prefix")
        finally:
            _git("worktree", "remove", "--force", str(home))


def train(folder: Path, experiment: str) -> tuple[str, str | None]:
    """Run its pipeline; return the experiment that it has, and why it failed, if it did."""
    known = folder / "conf" / "experiment" / f"{experiment}.yaml"
    name = experiment if known.exists() else DEFAULT
    cache = Path(_dvc_cache()).resolve()
    (folder / ".dvc" / "config.local").write_text(
        f"[cache]\n    dir = {cache}\n    type = copy\n", encoding="utf-8"
    )
    kept = {key: value for key, value in os.environ.items() if key not in UNSET}
    own = {"ENV": "dev", "EXP": name, "PYTHONPATH": str(folder / "src"), "DVC_NO_ANALYTICS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "repro", "--quiet"],
        cwd=folder, env={**kept, **own}, text=True, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    sys.stderr.write(done.stderr)
    if not done.returncode:
        return name, None
    errors = [line for line in done.stderr.splitlines() if line.startswith(("error:", "ERROR:"))]
    return name, (errors or ["its pipeline fails"])[0][:400]


def read(path: Path) -> dict[str, Any]:
    """Read JSON, nothing where there is none."""
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found


def commit(name: str) -> str:
    """Return the commit from which this branch parted from another."""
    try:
        return _git("merge-base", "HEAD", name)
    except KnownError as error:
        raise LineageError(
            f"BASE: expected the branch or commit to compare with, found {name} ({error}); "
            "`git fetch origin`, then make review BASE=origin/qa"
        ) from None


def head() -> str:
    """Return the commit that is checked out."""
    return _git("rev-parse", "HEAD")


def _dvc_cache() -> str:
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "cache", "dir"], text=True, capture_output=True, check=False
    )
    return done.stdout.strip() or ".dvc/cache"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], text=True, capture_output=True, check=False)
    if done.returncode:
        raise LineageError(f"Git says: {done.stderr.strip()}")
    return done.stdout.strip()
