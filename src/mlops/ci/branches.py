"""Make the branches of the environments, beside `main`: once, in a new project.

Needs nothing that is installed. Pushes nothing.

Reads: the Git repository
Writes: local branches, from the remote's where it has them, else from `main`
"""

import subprocess
import sys

from mlops.core.branch import ENVIRONMENTS, OTHERWISE
from mlops.core.errors import HostError, run
from mlops.core.repository import check_git

MAIN = next(name for name, environment in ENVIRONMENTS.items() if environment == "prod")
BRANCHES = [OTHERWISE, *(name for name in ENVIRONMENTS if name != MAIN)]


def main() -> None:
    """Make those that are missing."""
    check_git()
    if not _git("rev-parse", "--verify", "--quiet", "HEAD"):
        raise HostError(
            'this repository has no commit yet; make one: git add -A && git commit -m "Start"'
        )
    missing = [name for name in BRANCHES if not _commit(f"refs/heads/{name}")]
    push = f"git push origin {' '.join((MAIN, *BRANCHES))}"
    if not missing:
        raise HostError(f"{' and '.join(BRANCHES)} exist already. To push them: {push}")
    for name in missing:
        sys.stdout.write(f"{name}: made from {make(name)}\n")
    sys.stdout.write(f"nothing was pushed; next: {push}\n")


def make(name: str) -> str:
    """Make a branch; return where it begins."""
    start = next((one for one in (f"origin/{name}", MAIN) if _commit(one)), None)
    if start is None:
        here = _git("branch", "--show-current")
        fix = f"git branch --move {here} {MAIN}" if here else f"git branch {MAIN}"
        raise HostError(f"expected a branch {MAIN}, found {here or 'none'}. Make it: {fix}")
    words = ["git", "branch", name, start]
    done = subprocess.run(words, text=True, capture_output=True, check=False)
    if done.returncode:  # as where a branch is called dev/x
        raise HostError(f"`{' '.join(words)}` failed: {done.stderr.strip()}")
    return f"{start} ({_commit(start)[:12]})"


def _commit(name: str) -> str:
    return _git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], text=True, capture_output=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


if __name__ == "__main__":
    run(main)
