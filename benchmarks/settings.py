"""What every benchmark is told: how much to measure, and where its inputs lie."""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import quick
from table import Section

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT))  # local_platform
SST2 = Path("../shared/data/sst2")  # from the root; the data are no part of the project
SMALL = quick.SMALL


@dataclass(frozen=True)
class Settings:
    """The choices of one call."""

    quick: bool  # tiny sizes: shows that a benchmark works, its figures mean nothing
    source: Path  # the repository that is cloned
    minilm: Path | None  # the model folder; None: taken from the package index
    work: Path  # a temporary folder
    cold: bool = False  # also install with empty package caches
    sst2: Path = ROOT / SST2  # train.parquet, val.parquet, test.parquet: columns text, label

    @property
    def first_run(self) -> list[str]:
        """Return the command that the README gives first; quick: on less data."""
        return ["make", "train", "ENV=dev", *([f"SET={SMALL}"] if self.quick else [])]

    def data(self) -> Path:
        """Return the folder of SST-2, or say where it is missing; quick: of a few sentences."""
        if self.quick:
            return quick.sst2(self.work / "sst2")
        if not (self.sst2 / "train.parquet").is_file():
            raise SystemExit(
                f"error: expected train.parquet, val.parquet and test.parquet of SST-2 (columns "
                f"text and label) in {os.path.relpath(self.sst2, ROOT)}; name their folder with "
                "--sst2, or measure what needs no data: --only first_run --only noop"
            )
        return self.sst2


def shared() -> argparse.ArgumentParser:
    """Return the options that all benchmarks share."""
    options = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    options.add_argument("--quick", action="store_true", help="tiny sizes, to try the benchmark")
    options.add_argument("--source", type=Path, default=ROOT, help="repository to clone")
    options.add_argument("--minilm", type=Path, help="folder of MiniLM-L6; else it is downloaded")
    return options


def parser() -> argparse.ArgumentParser:
    """Return the options of what measures the pipeline."""
    options = shared()
    options.add_argument("--cold", action="store_true", help="also install with empty caches")
    options.add_argument("--sst2", type=Path, default=ROOT / SST2, help="folder of SST-2")
    return options


def chosen(options: argparse.Namespace, work: Path) -> Settings:
    """Return the settings that the options say."""
    return Settings(
        quick=options.quick,
        cold=options.cold,
        source=options.source.resolve(),
        sst2=options.sst2.resolve(),
        minilm=options.minilm.resolve() if options.minilm else None,
        work=work.resolve(),
    )


def alone(measure: Callable[[Settings], Section]) -> None:
    """Run one benchmark by itself and print its table."""
    options = parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as work:
        print(measure(chosen(options, Path(work))).markdown())
