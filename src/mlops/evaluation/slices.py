"""Accuracy in parts of the test split, to find where the model is weak."""

import re

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops.config.schema import Evaluate
from mlops.core.errors import ConfigError
from mlops.core.names import nearest
from mlops.evaluation.intervals import wilson

MOST = 100  # slices of a column, the largest: an identifier has one for each row

Slices = dict[str, dict[str, float]]


def measure(
    test: pl.DataFrame, right: NDArray[np.bool_], config: Evaluate
) -> tuple[Slices, dict[str, int]]:
    """Return the slices, and by column how many were left out because they are too small."""
    slices: Slices = {}
    left_out: dict[str, int] = {}
    for column, values in columns(test, config).items():
        counts = (
            pl.DataFrame({"value": values, "right": right})
            .group_by("value")
            .agg(rows=pl.len(), hits=pl.col("right").sum())
            .sort("rows", "value", descending=[True, False])
        )
        kept = counts.filter(pl.col("rows") >= config.min_slice_rows).head(MOST)
        if kept.height < counts.height:
            left_out[column] = counts.height - kept.height
        for value, rows, hits in sorted(kept.rows(), key=lambda row: _natural(row[0])):
            interval = wilson(hits, rows, config.confidence)
            slices[f"{column}={value}"] = {"accuracy": hits / rows, **interval, "rows": rows}
    return slices, left_out


def worst(slices: Slices) -> str | None:
    """Name the slice with the lowest accuracy."""
    return min(slices, key=lambda name: (slices[name]["accuracy"], name), default=None)


def columns(test: pl.DataFrame, config: Evaluate) -> dict[str, list[str]]:
    """Return what the rows are sliced by: for each name the value of each row."""
    found = {}
    if config.length_slices:
        found["words"] = _lengths(test["text"].to_list(), sorted(set(config.length_slices)))
    for column in config.slice_columns:
        if column not in test.columns:
            raise ConfigError(_missing(column, test.columns))
        values = test[column].to_list()
        found[column] = ["(none)" if value is None else str(value) for value in values]
    return found


def _lengths(texts: list[str], bounds: list[int]) -> list[str]:
    starts = [1, *(bound + 1 for bound in bounds)]
    names = [f"{start}-{end}" for start, end in zip(starts, bounds, strict=False)]
    names.append(f"{starts[-1]}+")
    words = [len(text.split()) for text in texts]
    return [names[place] for place in np.searchsorted(bounds, words)]


def _natural(value: str) -> tuple[int, str]:
    # 9-16 before 17-32, and numbers before names
    digits = re.match(r"\d{1,18}", value)
    return (int(digits[0]) if digits else 10**18, value)


def _missing(column: str, columns: list[str]) -> str:
    like = nearest(column, columns)
    return (
        f"evaluate.slice_columns: {column!r} is not a column of the test split, "
        f"which has {sorted(columns)}" + (f"; did you mean {like!r}?" if like else "")
    )
