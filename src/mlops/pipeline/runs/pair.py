"""Two runs compared row by row: what one model gets right and the other does not."""

import io

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops.config.schema import Evaluate
from mlops.evaluation.intervals import lead
from mlops.tracking.search import Run, Runs

PREDICTIONS = "reports/predictions.parquet"
COLUMNS = ["text", "label", "predicted"]
Bools = NDArray[np.bool_]


def compare(store: Runs, one: Run, other: Run, config: Evaluate) -> str:
    """Say which of two models is better on the same test rows, and how sure that is."""
    tables = [_read(store, run) for run in (one, other)]
    if tables[0] is None or tables[1] is None:
        return "not compared row by row: one of them has no predictions in its artifacts"
    keys = ["text", "label"]
    if not tables[0].select(keys).equals(tables[1].select(keys)):
        return "not comparable: they were measured on other test rows"
    return describe(one, other, _right(tables[0]), _right(tables[1]), config)


def describe(one: Run, other: Run, ours: Bools, theirs: Bools, config: Evaluate) -> str:
    """Say by how much a model is right more often than another one on the same rows."""
    if ours.sum() < theirs.sum():
        one, other, ours, theirs = other, one, theirs, ours
    differing = int((ours != theirs).sum())
    if not differing:
        return f"{one.run_id[:8]} and {other.run_id[:8]} are right on the same rows: no difference"
    found = lead(ours, theirs, config)
    ahead, low, high = (f"{100 * found[key]:.1f}" for key in ("lead", "lead_low", "lead_high"))
    sure = "more than chance explains" if found["lead_low"] > 0 else "it may be chance"
    return (
        f"row by row, {one.run_id[:8]} is ahead of {other.run_id[:8]} by {ahead} points "
        f"(interval {low} to {high}; {differing:,} of {len(ours):,} rows decide): {sure}"
    )


def _right(table: pl.DataFrame) -> Bools:
    return (table["label"] == table["predicted"]).to_numpy()


def _read(store: Runs, run: Run) -> pl.DataFrame | None:
    content = store.file(run, PREDICTIONS)
    return None if content is None else pl.read_parquet(io.BytesIO(content), columns=COLUMNS)
