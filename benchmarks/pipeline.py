"""Measure everything and write the tables.

Run: python benchmarks/pipeline.py [--quick] [--only first_run] [--cold]
Writes: benchmarks/results.md; with --only just that section of it, with --quick nothing
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import first_run
import noop
import quality
import results
import training_speed
from settings import ROOT, Settings, chosen, parser
from table import Section

RESULTS = ROOT / "benchmarks" / "results.md"
ALL: dict[str, Callable[[Settings], Section]] = {
    "first_run": first_run.measure,
    "noop": noop.measure,
    "training_speed": training_speed.measure,
    "quality": quality.measure,
}
TITLES = ("First run", "No-op", "Training speed", "Quality")
PACKAGES = ("torch", "transformers", "dvc", "mlflow")
HEADER = """\
# Benchmarks

Written by `make bench` (`python benchmarks/pipeline.py`).
"""


def options() -> argparse.Namespace:
    """Read the command line."""
    words = parser()
    words.description = "Measure first run, no-op, training speed and quality."
    words.add_argument(
        "--only", action="append", choices=sorted(ALL), help="measure this; may be repeated"
    )
    words.add_argument("--out", type=Path, default=RESULTS, help="file that gets the tables")
    return words.parse_args()


def main() -> None:
    """Measure what is asked for."""
    asked = options()
    with tempfile.TemporaryDirectory(prefix="bench-") as work:
        settings = chosen(asked, Path(work))
        wanted = [name for name in ALL if name in (asked.only or ALL)]
        if {"training_speed", "quality"} & set(wanted):
            settings.data()  # rather now than after the first ten minutes
        sections = results.earlier(asked.out) if asked.only else {}
        for name in wanted:
            state = results.state(settings.source)
            sections |= results.printed([ALL[name](settings)], state)
    if not asked.quick:
        page = results.page(HEADER, PACKAGES, TITLES, sections)
        asked.out.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
