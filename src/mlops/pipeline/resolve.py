"""Solve a merge conflict in what the pipeline writes, by letting the pipeline say what is right.

A lock that is put together of two others describes a run that nobody has made. So the merged
configuration is composed and run: what either side has computed is restored, what neither has is
computed now.

Reads: the merge that Git has stopped in, EXP
Writes: params.yaml, dvc.lock, sources.lock, the outputs of the pipeline; `git add`s the three
"""

import subprocess
import sys
from pathlib import Path

from mlops.core.errors import LineageError, run
from mlops.core.names import asked_experiment
from mlops.pipeline import branch_experiment

WRITTEN = ("params.yaml", "dvc.lock")
SOURCES = "sources.lock"


def conflicts() -> list[str]:
    """Return the files in conflict."""
    done = _git("diff", "--name-only", "--diff-filter=U", "-z", "--relative")
    return [name for name in done.split("\0") if name]


def ours(names: list[str]) -> None:
    """Take this branch's side of files that are written anew, or none where it had no such file."""
    for name in names:
        command = ["git", "checkout", "--quiet", "--ours", "--", name]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            Path(name).unlink(missing_ok=True)


def main() -> None:
    """Solve the conflict, where it is one of these files alone."""
    found = conflicts()
    if not found:
        raise LineageError("no merge is stopped by a conflict; nothing to resolve")
    if others := sorted(set(found) - set(WRITTEN)):
        raise LineageError(
            f"only {' and '.join(WRITTEN)} can be written anew, but {', '.join(others)} is in "
            "conflict too; decide that by hand, `git add` it, then `make resolve`"
        )
    ours(found)
    # What CI will train when this is pushed.
    name = asked_experiment() or branch_experiment.selected()
    done = subprocess.run(["make", "train", f"EXP={name}"], check=False)
    if done.returncode:
        raise LineageError("the merged pipeline failed (see above); fix it, then `make resolve`")
    present = [path for path in (*WRITTEN, SOURCES) if Path(path).exists()]
    _git("add", "--", *present)
    sys.stdout.write(f"{' and '.join(found)} written anew for {name}; next: git commit --no-edit\n")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], text=True, capture_output=True, check=False)
    if done.returncode:
        raise LineageError(f"git failed: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    run(main)
