"""Write the rows that are kept, with the columns of their source.

Writes: a Parquet file for each split
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from mlops.core import outputs
from mlops.core.errors import DataError
from mlops.tables import validation
from mlops.tables.raw import Raw
from mlops.tables.validation import LABEL, Contract


def write(raw: Raw, kept: pl.DataFrame, path: Path, contract: Contract) -> int:
    """Write the kept rows of a split: text, number of the class, other columns; return how many."""
    numbers = {name: number for number, name in enumerate(contract.labels)}
    labels = kept.select(LABEL.cast(pl.String).replace_strict(numbers, return_dtype=pl.Int64))
    rows, classes = kept["row"].to_numpy() - 1, labels["label"].to_numpy()
    schema = raw.schema(path.stem)
    others = [schema.field(name) for name in schema.names if name not in ("text", "label")]
    columns = [pa.field("text", pa.string()), pa.field("label", pa.int64()), *others]
    start = done = 0
    with outputs.TableWriter(path, pa.schema(columns)) as writer:
        for piece in raw.pieces(path.stem):
            end = int(np.searchsorted(rows, start + piece.num_rows))
            chosen = piece.take(pa.array(rows[done:end] - start))
            ours = pl.DataFrame([raw.clean(chosen)[0], pl.Series("label", classes[done:end])])
            validation.check_prepared(ours, contract)
            arrays = [
                ours["text"].to_arrow().cast(pa.string()),
                ours["label"].to_arrow(),
                *(chosen.column(other.name) for other in others),
            ]
            writer.write([pa.RecordBatch.from_arrays(arrays, schema=writer.schema)])
            start, done = start + piece.num_rows, end
    return writer.rows


def check_rows(split: str, counts: Mapping[str, Any], written: int) -> None:
    """Refuse a split whose rows are not all accounted for: those found are kept, or left out."""
    kept, dropped, left = counts["kept"], counts["dropped"], counts["not_sampled"]
    if written != kept or counts["found"] != kept + sum(dropped.values()) + left:
        raise DataError(
            f"{split}: of {counts['found']:,} rows {dropped} were dropped, {left:,} not sampled "
            f"and {kept:,} kept, but {written:,} written; this is a bug in ml.prepare: report it"
        )
