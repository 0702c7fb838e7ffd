"""How long from a fresh clone to the first model, and how much of that is installing?

Run: python benchmarks/first_run.py [--cold]
"""

import shutil
from pathlib import Path
from statistics import median
from typing import NamedTuple

from commands import environment, run
from settings import Settings, alone
from table import Section, at_most

ROUNDS = 3
TOTAL = 45.0  # seconds, on 2 cores
INSTALL = 20.0


class First(NamedTuple):
    """One first run, in seconds."""

    install: float
    total: float
    cpu: float


def measure(settings: Settings) -> Section:
    """Clone and train as a newcomer types it; the last clone stays for the next benchmark."""
    folder = settings.work / "clone"
    if not settings.quick:
        # Not counted: fills the package cache, which the figures take for warm.
        clone(settings, folder)
        run(["make", "install"], folder, environment())
    rounds = [first(settings, folder) for _ in range(1 if settings.quick else ROUNDS)]
    warm = First(*(median(values) for values in zip(*rounds, strict=True)))
    rows = [
        ("install (`make install`)", "warm", f"{warm.install:.1f}", "≤ 20",
         at_most(warm.install, INSTALL)),
        (f"clone, then `{' '.join(settings.first_run[:3])}`: clone to first model", "warm",
         f"{warm.total:.1f}", "≤ 45", at_most(warm.total, TOTAL)),
        ("the same in CPU seconds", "warm", f"{warm.cpu:.1f}", "", ""),
    ]  # fmt: skip
    if settings.cold:
        rows += cold(settings, warm)
    notes = [f"Median of {len(rounds)}; {uv()}."]
    return Section("First run", ("what", "package cache", "seconds", "target", "met"), rows, notes)


def first(settings: Settings, folder: Path, **variables: str) -> First:
    """Time one first run; the installation ends where make leaves its mark."""
    cloning = clone(settings, folder)
    timing = run(settings.first_run, folder, environment(**variables))
    (mark,) = (folder / ".venv").glob("installed-*")
    install = mark.stat().st_mtime - timing.started
    return First(install, cloning + timing.wall, timing.cpu)


def cold(settings: Settings, warm: First) -> list[tuple[str, str, str, str, str]]:
    """Time one first run with empty caches of uv and pip."""
    caches = {name: str(settings.work / "cache" / name) for name in ("uv", "pip")}
    found = first(
        settings, settings.work / "cold", UV_CACHE_DIR=caches["uv"], PIP_CACHE_DIR=caches["pip"]
    )
    shutil.rmtree(settings.work / "cold")
    shutil.rmtree(settings.work / "cache", ignore_errors=True)
    download = max(0.0, found.install - warm.install)
    rest = found.total - download
    return [
        ("install, downloading", "cold", f"{found.install:.1f}", "", ""),
        ("clone to first model", "cold", f"{found.total:.1f}", "", ""),
        ("the same without the download", "cold", f"{rest:.1f}", "≤ 45", at_most(rest, TOTAL)),
    ]


def clone(settings: Settings, folder: Path) -> float:
    """Clone the repository anew and return the seconds that it took."""
    shutil.rmtree(folder, ignore_errors=True)
    command = ["git", "clone", "--quiet", str(settings.source), str(folder)]
    settings.work.joinpath("git").mkdir(exist_ok=True)
    return run(command, settings.work / "git", environment()).wall


def uv() -> str:
    """Say where uv came from."""
    if shutil.which("uv", path=environment()["PATH"]):
        return "uv was on the PATH"
    return "uv was not on the PATH: make fetched it with pip first"


if __name__ == "__main__":
    alone(measure)
