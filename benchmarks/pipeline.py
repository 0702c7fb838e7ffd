"""Measure everything and write the tables.

Run: python benchmarks/pipeline.py [--quick] [--only first_run] [--cold]
Writes: benchmarks/results.md; with --only just that section of it, with --quick nothing
"""

import argparse
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import first_run
import machine
import noop
import quality
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


def section(name: str, settings: Settings) -> str:
    """Measure one section, and say in which state the machine was."""
    load = machine.load()
    found = ALL[name](settings)
    told = f"- Commit {machine.commit(settings.source)}; load before: {load:.1f}."
    busy = " **The machine was busy: wall times are too long.**" if load > 0.5 else ""
    return found.markdown() + told + busy + "\n"


def earlier(path: Path) -> dict[str, str]:
    """Return the sections of a file by their titles."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    return {part.split("\n", 1)[0].removeprefix("## "): part.strip() + "\n" for part in parts}


def page(sections: dict[str, str]) -> str:
    """Return the whole page, sections in their order."""
    titles = ("First run", "No-op", "Training speed", "Quality")
    parts = [sections[title] for title in titles if title in sections]
    return HEADER + f"Machine: {machine.facts()}.\n\n" + "\n".join(parts)


def main() -> None:
    """Measure what is asked for."""
    asked = options()
    with tempfile.TemporaryDirectory(prefix="bench-") as work:
        settings = chosen(asked, Path(work))
        wanted = [name for name in ALL if name in (asked.only or ALL)]
        if {"training_speed", "quality"} & set(wanted):
            settings.data()  # rather now than after the first ten minutes
        sections = earlier(asked.out) if asked.only else {}
        for name in wanted:
            text = section(name, settings)
            print(text, flush=True)
            sections |= {text.split("\n", 1)[0].removeprefix("## "): text}
    if not asked.quick:
        asked.out.write_text(page(sections), encoding="utf-8")


if __name__ == "__main__":
    main()
