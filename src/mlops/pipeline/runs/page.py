"""Runs as a page: their table, their learning curves side by side, and all values that differ.

The page needs nothing but itself, and looks like the report.
"""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2

from mlops.pipeline.runs import table
from mlops.reporting import report
from mlops.tracking.search import Run, Runs

TEMPLATE = Path(__file__).with_name("page.html.j2")
# Told apart also by the colour-blind (Okabe and Ito, 2008).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8A7000", "#777777")
WIDTH, HEIGHT = 360, 220  # of a plot, in its own units
METRICS = {"val_loss": "validation loss", "val_accuracy": "validation accuracy"}


def render(store: Runs, runs: Sequence[Run], title: str, said: Sequence[str]) -> str:
    """Return the page."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style = re.search("<style>(.*?)</style>", report.TEMPLATE.read_text(encoding="utf-8"), re.S)
    drawn = runs[: len(COLOURS)]
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        style=style[1] if style else "",
        title=title,
        said=said,
        head=table.HEAD,
        rows=list(zip(runs, table.rows(runs), strict=True)),
        winner=table.best(runs),
        differing=table.differences(runs),
        keys=list(next(iter(table.differences(runs).values()), {})),
        colours={run.run_id: colour for run, colour in zip(drawn, COLOURS, strict=False)},
        plots=[
            plot(name, {run.run_id: store.curve(run, metric) for run in drawn})
            for metric, name in METRICS.items()
        ],
        width=WIDTH,
        height=HEIGHT,
        left_out=len(runs) - len(drawn),
    )


def plot(title: str, curves: dict[str, list[float]]) -> dict[str, Any]:
    """Lay out curves over the epochs: points, ticks and lines in the units of the picture."""
    values = [value for curve in curves.values() for value in curve if math.isfinite(value)]
    low, high = min(values, default=0.0), max(values, default=1.0)
    pad = 0.05 * (high - low) or 0.01
    low, high = low - pad, high + pad
    epochs = max(map(len, curves.values()), default=1)

    def x(epoch: int) -> float:
        return round(WIDTH * (epoch - 1) / max(1, epochs - 1), 1)

    def y(value: float) -> float:
        return round(HEIGHT * (high - value) / (high - low), 1)

    lines = {
        name: [(x(n), y(v), n, v) for n, v in enumerate(curve, start=1) if math.isfinite(v)]
        for name, curve in curves.items()
    }
    step = max(1, round(epochs / 6))
    return {
        "title": title,
        "lines": {name: points for name, points in lines.items() if points},
        "x": [(x(n), n) for n in range(1, epochs + 1, step)],
        "y": [(y(v), f"{v:.3f}") for v in (low + (high - low) * k / 4 for k in range(5))],
    }
