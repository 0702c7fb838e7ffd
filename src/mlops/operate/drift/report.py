"""The outcome for people and programs: a page with pictures, JSON, metrics, lines to print.

The page needs nothing but itself, and looks like the report of the evaluation.

Writes: reports/drift/<environment>.html, .json, .prom
"""

import re
from collections.abc import Iterator
from pathlib import Path

import jinja2

from mlops.core import files, table
from mlops.operate.drift import exposition, pictures
from mlops.operate.drift.result import Outcome
from mlops.operate.drift.rows import Rows
from mlops.reporting import report
from mlops.reporting.display import percent

FOLDER = Path("reports/drift")
TEMPLATE = Path(__file__).with_name("page.html.j2")


def remove(environment: str) -> None:
    """Remove the report of an earlier check, which nobody must take for one that failed."""
    for kind in ("html", "json", "prom"):
        (FOLDER / f"{environment}.{kind}").unlink(missing_ok=True)


def write(outcome: Outcome, before: Rows) -> None:
    """Write page, JSON and metrics."""
    place = FOLDER / outcome.environment
    files.write(place.with_suffix(".html"), render(outcome, before).encode())
    files.write_json(place.with_suffix(".json"), outcome.values())
    files.write(place.with_suffix(".prom"), exposition.text(outcome))


def render(outcome: Outcome, before: Rows) -> str:
    """Return the page."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style = re.search("<style>(.*?)</style>", report.TEMPLATE.read_text(encoding="utf-8"), re.S)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        style=style[1] if style else "",
        outcome=outcome,
        newest=outcome.newest,
        reference=len(before),
        percent=percent,
        width=pictures.WIDTH,
        height=pictures.HEIGHT,
        bar=pictures.BAR,
        **pictures.drawn(before, outcome.newest),
    )


def lines(outcome: Outcome) -> Iterator[str]:
    """Yield what is printed."""
    newest = outcome.newest
    yield (
        f"{outcome.version} in {outcome.environment}, {newest.rows:,} texts from "
        f"{newest.start:%Y-%m-%d %H:%M} to {newest.end:%Y-%m-%d %H:%M} UTC"
    )
    for name, count in outcome.left_out.items():
        yield f"  left out: {count:,} of {name}"
    if newest.findings:
        head = ("", "statistic", "distance", "at least", "bound")
        rows = [
            (
                "NO" if one.exceeded else "ok", one.statistic,
                f"{one.distance:.3f}", f"{one.low:.3f}", f"{one.max:g}",
            )
            for one in newest.findings
        ]  # fmt: skip
        yield from table.lines(head, rows)
    for name, why in (newest.unavailable or {}).items():
        yield f"note {name} is not available: {why}"
    yield outcome.sentence
    yield f"report: {FOLDER / outcome.environment}.html"
