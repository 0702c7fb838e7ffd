"""How long does the built Bento take to its first answer, and how large is it?"""

import tempfile
from pathlib import Path
from statistics import median

from contenders import Contender
from server import MB, serving
from settings import ROOT
from table import Section, at_most

START, PACKAGES = 2.0, 350.0


def measure(
    contenders: dict[str, Contender], rounds: int, binaries: Path, work: Path
) -> list[Section]:
    """Start each Bento some times, by turns; then once as in a fresh environment."""
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            found[name].append(first_answer(contender, work))
    rows = [
        (f"{name}: start to first answer, s",
         f"{median(times):.2f} ({min(times):.2f} to {max(times):.2f})", "≤ 2",
         at_most(median(times), START))
        for name, times in found.items()
    ]  # fmt: skip
    name, contender = next(iter(contenders.items()))
    with tempfile.TemporaryDirectory(dir=work) as empty:
        fresh = first_answer(contender, work, PYTHONPYCACHEPREFIX=empty)
    rows.append((f"{name}: the same, compiling all Python first", f"{fresh:.2f}", "", ""))
    size = packages(binaries.parent)
    rows += [
        ("site-packages of the service, MB", f"{size:.0f}", "≤ 350", at_most(size, PACKAGES)),
        ("site-packages of the project, for training, MB",
         f"{packages(ROOT / '.venv'):.0f}", "", ""),
    ]  # fmt: skip
    notes = [
        f"`bentoml serve` of the built Bento in an environment of `requirements/serving.lock` with "
        f"compiled Python files, both with warm file caches; median and range of {rounds} starts; "
        "asked every 20 ms.",
    ]
    return [Section("Start and size", ("what", "measured", "target", "met"), rows, notes)]


def first_answer(contender: Contender, work: Path, **variables: str) -> float:
    """Return the seconds from the command to the first answer."""
    with serving(contender, work / "server.log", **variables) as server:
        return server.first_answer


def packages(environment: Path) -> float:
    """Return the size of an environment's packages in MB, each file once."""
    (folder,) = environment.glob("lib/python*/site-packages")
    files = {
        (path.lstat().st_dev, path.lstat().st_ino): path.lstat().st_size
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    return sum(files.values()) / MB
