"""Draw a sweep: latency and failures over the offered rate, with the knee.

It takes figure and style from `mlops.reporting.plots`, which stays as it is: that folder is an
input of the stage evaluate.
"""

from collections.abc import Sequence
from pathlib import Path

from mlops.client.load_curve import Knee, Row
from mlops.reporting import plots
from mlops.reporting.plots import COLOURS, STYLES

TICKS = [digit * 10.0**power for power in range(-1, 5) for digit in (1, 2, 5)]  # milliseconds


def draw(rows: Sequence[Row], knee: Knee, most_ms: float, path: Path) -> None:
    """Write the picture; rows that say nothing about the service are left out."""
    valid = [row for row in rows if not row.invalid]
    rates = [row.rate for row in valid]
    with plots._style():
        figure, (upper, lower) = plots._figure(6.5, 5, rows=2, height_ratios=[3, 1.4], sharex=True)
        for name, colour, style in zip(("p50", "p95", "p99"), COLOURS, STYLES, strict=False):
            took = [row.milliseconds[name] for row in valid]
            upper.plot(rates, took, marker="o", color=colour, linestyle=style, label=name)
        upper.axhline(most_ms, color=plots.INK, linewidth=0.8, linestyle=":", label="max p99")
        upper.set_yscale("log")
        ticks = _ticks(valid, most_ms)
        upper.set_yticks(ticks, [f"{one:g}" for one in ticks])
        upper.set_yticks([], minor=True)
        plots._label(upper, "Latency from when a request was due", "", "ms")
        lower.plot(rates, [row.refused for row in valid], "o-", color=COLOURS[0], label="503")
        lower.plot(
            rates, [row.errors for row in valid], "s--", color=COLOURS[1], label="other errors"
        )
        lower.set_ylim(0, 1)
        plots._label(lower, "", "offered rate, requests/s", "share failed")
        for axes in (upper, lower):
            axes.set_xscale("log")
            if knee.rate is not None:
                axes.axvline(knee.rate, color=plots.INK, linewidth=0.8)
            axes.legend(loc="best")
        lower.set_xticks(rates, [str(rate) for rate in rates], rotation=45, minor=False)
        lower.set_xticks([], minor=True)
        plots._save(figure, path)


def _ticks(valid: Sequence[Row], most_ms: float) -> list[float]:
    least = min((min(row.milliseconds.values()) for row in valid), default=most_ms)
    most = max([most_ms, *(row.milliseconds["p99"] for row in valid)])
    return [one for one in TICKS if least <= one <= most]
