"""Run a command as a user would in a new shell, and take its time."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from settings import ROOT

# What `make bench`, a virtual environment or this machine has set, and a new shell has not.
NOT_INHERITED = (
    "ACCELERATOR", "ENV", "EXP", "GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "MFLAGS",
    "OMP_NUM_THREADS", "PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH", "SET", "VIRTUAL_ENV",
)  # fmt: skip
PREFIXES = ("DVC_EXP_", "MAKE", "MLFLOW_")


@dataclass(frozen=True)
class Timing:
    """What a command took, with all that it started."""

    started: float  # seconds since 1970, as file times have it
    wall: float
    cpu: float
    output: str


def environment(**more: str) -> dict[str, str]:
    """Return the variables of a new shell, and `more`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in NOT_INHERITED and not name.startswith(PREFIXES)
    }
    own = ROOT / ".venv" / "bin"
    paths = kept.get("PATH", os.defpath).split(os.pathsep)
    kept["PATH"] = os.pathsep.join(path for path in paths if Path(path) != own)
    return {**kept, **more}


def run(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> Timing:
    """Run a command in a folder; the benchmark ends where it fails."""
    log = folder.with_name(f"{folder.name}.log")
    started, clock = time.time(), time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=folder, env=variables, stdin=subprocess.DEVNULL,
            stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - clock
    process.returncode = os.waitstatus_to_exitcode(status)
    output = log.read_text(encoding="utf-8", errors="replace")
    if process.returncode:
        told = "\n".join(output.replace("\r", "\n").splitlines()[-15:])
        raise SystemExit(f"error: {' '.join(command)} ended with {process.returncode}:\n{told}")
    return Timing(started, wall, usage.ru_utime + usage.ru_stime, output)
