"""Fresh clones to run the real pipeline in, on the Python of these tests."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import warm
from common import ROOT

# Enough rows to learn something, few enough for a test; all else is the default.
FAST = "data.synthetic_rows=4000 prepare.sample=0.5 prepare.min_sample=0 training.epochs=2"

WHO = {
    f"GIT_{role}_{what}": "t@example.com"
    for role in ("AUTHOR", "COMMITTER")
    for what in ("NAME", "EMAIL")
}


def clone(folder: Path) -> Path:
    """Clone what is committed, as a user does."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    return folder


def installed(folder: Path) -> Path:
    """Clone, and lend it the environment of these tests, so that make has nothing to install."""
    return lent(clone(folder))


def warmed(folder: Path) -> Path:
    """Clone, and lend it a Python that has its libraries loaded."""
    return settled(clone(folder), warm.lend)


def lent(project: Path) -> Path:
    """Lend a clone the environment of these tests."""
    return settled(project, lambda venv, lender: venv.symlink_to(lender))


def settled(project: Path, lend: Callable[[Path, Path], None]) -> Path:
    """Give a clone an environment that make finds newer than what it is made of."""
    lend(project / ".venv", ROOT / ".venv")
    for path in (*(project / "requirements").iterdir(), project / "pyproject.toml"):
        os.utime(path, (0, 0))
    return project


def experiments(project: Path, **sizes: tuple[int, int]) -> None:
    """Commit experiments by their rows and epochs: the gate judges by what is committed."""
    folder = project / "conf" / "experiment"
    default = (folder / "default.yaml").read_text()
    for name, (rows, epochs) in sizes.items():
        own = f"\ndata:\n  synthetic_rows: {rows}\ntraining:\n  epochs: {epochs}\n"
        (folder / f"{name}.yaml").write_text(default + own)
    call(project, "git", "add", "conf")
    call(project, "git", "commit", "--quiet", "--message", "Experiments")


def environment(project: Path) -> dict[str, str]:
    """Return variables that run a clone's own code and keep what it does small."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("DVC_")}
    path = ":".join(f"{folder / '.venv' / 'bin'}" for folder in (project, ROOT))
    return {
        **plain,
        **WHO,
        "PATH": f"{path}:{plain['PATH']}",
        "PYTHONPATH": str(project / "src"),
        "SET": FAST,
    }


def ran(output: str) -> list[str]:
    """Return the stages that ran, as `make train` or DVC itself has shown them."""
    found = re.findall(r"(?m)Running stage '(\w+)'|^(\w+) +running$|^(compose) +done", output)
    return ["".join(names) for names in found]


def call(project: Path, *command: str, **variables: str) -> str:
    """Run a command in a clone; return what it printed. A failure shows all of that."""
    done = subprocess.run(
        command,
        cwd=project,
        env={**environment(project), **variables},
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout
