"""What the figures were measured on."""

import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import psutil


def facts(packages: Sequence[str]) -> str:
    """Return cores, memory and versions in a line."""
    with Path("/proc/meminfo").open(encoding="utf-8") as file:
        memory = int(file.readline().split()[1]) / 2**20
    cores = len(os.sched_getaffinity(0))
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return (
        f"{cores} cores, {memory:.0f} GB, {platform.system()}; "
        f"Python {platform.python_version()}, {versions}"
    )


def load() -> float:
    """Return how many cores others keep busy just now: above 0.5 wall times lie."""
    shares: list[float] = psutil.cpu_percent(interval=3, percpu=True)
    return sum(shares) / 100


def commit(repository: Path) -> str:
    """Return what is measured: the commit, and whether files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]
    return subprocess.run(
        command, cwd=repository, capture_output=True, text=True, check=True
    ).stdout.strip()


def processor() -> str:
    """Return the name of the processor."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()
