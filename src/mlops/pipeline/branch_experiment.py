"""Which experiment a branch trains: the one that was changed last on it, alone.

A commit that changed several files of conf/experiment/ together chooses none of them, nor does an
update from the template; a merge is looked into. Where nothing chooses, it is `default`. So a
branch trains what was added or edited on it, goes on with that when something else changes, and
takes over what is merged into it.

Reads: conf/experiment/ and its Git history, EXP, which is taken instead
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from mlops.core.errors import ConfigError, run
from mlops.core.names import asked_experiment, moved, refuse_odd, shown, strays
from mlops.core.paths import ANSWERS

FOLDER = Path("conf/experiment")
DEFAULT = "default"
# An update changes the answers: it brings what the template did, and must not change what is live.
SCOPE = ("--", f"{FOLDER}/*.yaml", str(ANSWERS))


def selected() -> str:
    """Return the experiment of the commit that is checked out."""
    if _git("rev-parse", "--is-shallow-repository") == "true":
        raise ConfigError(
            "the experiment that was changed last is unknown: this clone is shallow. Run "
            "`git fetch --unshallow`, or name the experiment: EXP=my-experiment"
        )
    if left := strays():  # pushed by the old guide's commands, and never trained
        raise ConfigError(moved(left[0]))
    return _uncommitted() or _last("HEAD") or DEFAULT


def _alone(paths: list[str]) -> str | None:
    """Return the experiment that a commit of these paths chooses."""
    present = _present(paths)
    return present[0] if present and len(set(paths)) == 1 else None


def _present(paths: list[str]) -> list[str]:
    """Return the experiments that are there, of those that these paths name or named."""
    names = {Path(path).stem for path in paths}
    return sorted(name for name in names if (FOLDER / f"{name}.yaml").exists())


def _uncommitted() -> str | None:
    """Return the experiment that the next commit, or the merge in progress, is about to choose."""
    changed = _git("diff", "-z", "--name-only", "--no-renames", "HEAD", *SCOPE).split("\0")
    changed += _git("ls-files", "-z", "--others", "--exclude-standard", *SCOPE).split("\0")
    changed = list(filter(None, changed))
    if name := _alone(changed):
        return name
    merge = Path(_git("rev-parse", "--git-path", "MERGE_HEAD"))
    return _last("MERGE_HEAD", "^HEAD") if merge.exists() else None


def _last(*commits: str) -> str | None:
    """Return the experiment that the newest of these commits chose."""
    for commit, paths in _changes(*commits):
        if name := _alone(paths):
            return name
        parents = _git("rev-parse", f"{commit}^@").split()
        if len(parents) == 2:
            if name := _last(parents[1], f"^{parents[0]}"):
                return name
        elif parents and str(ANSWERS) not in paths and len(_present(paths)) > 1:
            names = ", ".join(map(shown, _present(paths)))
            sys.stderr.write(
                f"{commit[:12]} changed {names} together, which chooses none; commit the one to "
                "train alone\n"
            )
    return None


def _changes(*commits: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the commits of a branch and what each changed in scope, the newest first."""
    log = _git(
        "log", "-z", "--first-parent", "--diff-merges=first-parent", "--name-only", "--no-renames",
        "--format=//%H", *commits, *SCOPE,
    )  # fmt: skip
    for entry in f"\0{log}".split("\0//")[1:]:  # no path in Git begins with a slash
        commit, _, paths = entry.partition("\0")
        yield commit, [path for path in paths.removeprefix("\n").split("\0") if path]


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], encoding="utf-8", errors="surrogateescape", capture_output=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise ConfigError(
            f"the experiment of this branch is unknown: git failed ({done.stderr.strip()}). "
            "Name it: EXP=my-experiment"
        )
    return done.stdout.strip("\n")


def main() -> None:
    """Print the experiment."""
    name = asked_experiment() or selected()
    refuse_odd(name, str(FOLDER))  # CI gives it to programs
    sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    run(main)
