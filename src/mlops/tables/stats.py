"""Count and measure the rows of a split: classes and lengths, for the data report."""

from typing import Any

import polars as pl

from mlops.tables.validation import LABEL, rows_of

QUANTILES = {"min": 0.0, "p5": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95, "max": 1.0}


def describe(table: pl.DataFrame, split: str, names: list[str]) -> dict[str, Any]:
    """Return the shares of the classes and the lengths of the texts in words and characters."""
    rows = rows_of(table, split)
    return {
        "kept": len(rows),
        "labels": shares(rows, names),
        "words": lengths(rows["words"]),
        "chars": lengths(rows["chars"]),
    }


def shares(rows: pl.DataFrame, names: list[str]) -> dict[str, dict[str, float]]:
    """Return for each class its rows and its share."""
    counts = dict(rows.group_by(LABEL).len().iter_rows())
    return {
        name: {
            "rows": counts.get(name, 0),
            "share": round(counts.get(name, 0) / max(len(rows), 1), 6),
        }
        for name in names
    }


def lengths(values: pl.Series) -> dict[str, float]:
    """Return quantiles, each of them the length of a row, and the mean."""
    found = {name: int(values.quantile(at, "nearest") or 0) for name, at in QUANTILES.items()}
    return {**found, "mean": round(float(values.mean() or 0), 6)}  # type: ignore[arg-type]
