"""Pictures of the report, laid out in the units of an SVG."""

from typing import Any

import numpy as np

from mlops.operate.drift.result import Result
from mlops.operate.drift.rows import Floats, Rows
from mlops.reporting.display import percent

WIDTH, HEIGHT, BAR = 360, 200, 24
POINTS = 80  # of a curve
CLASSES = 12  # that are drawn, those that moved most


def distances(result: Result) -> list[dict[str, Any]]:
    """Return a bar for each statistic: its distance, lower bound and what it may be."""
    full = max([1e-9, *(max(one.distance, one.max) for one in result.findings)])

    def x(value: float) -> float:
        return round(WIDTH * value / full, 1)

    return [
        {
            "name": one.statistic,
            "y": place * BAR,
            "x": x(one.distance),
            "low": x(one.low),
            "max": x(one.max),
            "bad": one.exceeded,
            "said": f"{one.distance:.3f}, surely {one.low:.3f}, at most {one.max:g} is no drift",
        }
        for place, one in enumerate(result.findings)
    ]


def classes(before: Rows, now: Rows) -> list[dict[str, Any]]:
    """Return two bars for each predicted class: its share then and now."""
    names = sorted({*before.labels.tolist(), *now.labels.tolist()})
    shares = {
        name: (float((before.labels == name).mean()), float((now.labels == name).mean()))
        for name in names
    }
    moved = sorted(names, key=lambda name: -abs(shares[name][1] - shares[name][0]))[:CLASSES]
    return [
        {
            "name": name,
            "y": place * 2 * BAR,
            "then": round(WIDTH * shares[name][0], 1),
            "now": round(WIDTH * shares[name][1], 1),
            "said": f"{percent(shares[name][0])}, now {percent(shares[name][1])}",
        }
        for place, name in enumerate(sorted(moved))
    ]


def curve(title: str, before: Floats, now: Floats) -> dict[str, Any]:
    """Return two distribution functions: the share of rows up to each value."""
    values = np.concatenate([before, now])
    low, high = float(values.min()), float(np.quantile(values, 0.995))
    grid = np.linspace(low, max(high, low + 1e-9), POINTS)
    lines = {}
    for name, found in (("then", before), ("now", now)):
        shares = np.searchsorted(np.sort(found), grid, side="right") / len(found)
        places = np.linspace(0, WIDTH, POINTS)
        lines[name] = [
            (round(float(x), 1), round(HEIGHT * (1 - float(share)), 1))
            for x, share in zip(places, shares, strict=True)
        ]
    ticks = [(round(WIDTH * k / 4, 1), f"{low + (grid[-1] - low) * k / 4:.3g}") for k in range(5)]
    return {"title": title, "lines": lines, "x": ticks}


def drawn(before: Rows, result: Result) -> dict[str, Any]:
    """Return all pictures of a window."""
    now = result.now
    if now is None:
        return {"distances": [], "classes": [], "curves": []}
    return {
        "distances": distances(result),
        "classes": classes(before, now),
        "curves": [
            curve("Confidence", before.confidence, now.confidence),
            curve("Tokens of a text", before.tokens, now.tokens),
            curve("Share of unknown words", before.unknown, now.unknown),
        ],
    }
