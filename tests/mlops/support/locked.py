"""Programs of which each has a lock, installed once for all sessions of the tests."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

from common import ROOT


def installed(name: str) -> Path:
    """Install requirements/<name>.lock, unless that is done; return a folder with that program."""
    lock = ROOT / "requirements" / f"{name}.lock"
    folder = ROOT / ".venv" / "tests" / name
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # the suites run side by side
        stamp = folder / "installed"
        if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
            _install(lock, folder / "venv")
            # Alone: a PATH with the environment's own Python would lead others to that.
            (folder / "bin").mkdir(exist_ok=True)
            (folder / "bin" / name).unlink(missing_ok=True)
            (folder / "bin" / name).symlink_to(folder / "venv" / "bin" / name)
            stamp.write_bytes(lock.read_bytes())
    return folder / "bin"


def path(name: str) -> str:
    """Return a PATH that has a program first."""
    return f"{installed(name)}{os.pathsep}{os.environ['PATH']}"


def _install(lock: Path, venv: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, venv], check=True)
    subprocess.run(
        [uv, "pip", "sync", "--quiet", "--require-hashes", lock],
        env={**os.environ, "VIRTUAL_ENV": str(venv)},
        check=True,
    )
