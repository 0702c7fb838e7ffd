"""Write the rows of a source as the splits that are made of it."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from mlops.config.schema import Data
from mlops.core import hashing, outputs, terminal
from mlops.core.project import project
from mlops.tables import columns
from mlops.tables.sources import Source

RAW = Path("data/raw")


def standard(source: Source, data: Data) -> Source:
    """Put the text and the label first, under these names and as text; keep the other columns."""
    ours = (data.text_column, data.label_column)
    others = [name for name in source.schema.names if name not in ours]
    columns.check_types(source, ours)
    kept = [source.schema.field(name).with_name(columns.rename(name, source)) for name in others]
    schema = pa.schema([("text", pa.string()), ("label", pa.string()), *kept])

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in source.batches:
            text, label = (batch.column(name) for name in ours)
            arrays = [
                text.cast(pa.string()),
                columns.label_names(label),
                *map(batch.column, others),
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    return Source(source.path, schema, batches(), source.read)


def split(
    source: Source, parts: tuple[float, float], folder: Path, role: str = "train"
) -> dict[str, int]:
    """Write a source as `role`, apart from the parts of it that become val and test."""
    val, test = parts
    wanted = {role: 1.0, **({"val": val, "test": test} if role == "train" else {})}
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(
                outputs.TableWriter(folder / f"{name}.parquet", source.schema)
            )
            for name, share in wanted.items()
            if share
        }
        for batch in terminal.follow(source.batches, len, 0, f"rows of {source.path}"):
            if len(writers) == 1:
                writers[role].write([batch])
                continue
            places = assign(batch.column("text"), val, test)
            for name, writer in writers.items():
                writer.write([batch.filter(pa.array(places == name))])
    return {name: writer.rows for name, writer in writers.items()}


def assign(texts: pa.Array, val: float, test: float) -> np.ndarray[Any, np.dtype[np.str_]]:
    """Return the split of each text, by its content alone.

    Test takes its share from the bottom and val from the top, so that a change of one share moves
    no row of the other. Texts that read the same have one place.
    """
    if not val and not test:
        return np.full(len(texts), "train")
    alike, _ = project().clean(pl.Series(texts, dtype=pl.String))
    places = np.array([hashing.unit(text or "", "split") for text in alike])
    return np.where(places < test, "test", np.where(places >= 1 - val, "val", "train"))
