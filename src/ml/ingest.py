"""Bring the configured sources into one form.

Reads: the sources that the section `data` names, the remote ones as sources.lock pins them
Writes: data/raw/{train,val,test}.parquet, data/raw/source.json
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from ml.data import cleaning
from mlops.config import schema
from mlops.config.schema import Data, Params
from mlops.core import hashing, outputs
from mlops.core.errors import DataError, run
from mlops.tables import columns, pins, remote, sources
from mlops.tables.pins import LOCK, Pin, Role, paths, settings, shares
from mlops.tables.sources import SYNTHETIC, Source

log = logging.getLogger(__name__)

RAW = Path("data/raw")
ROLES: tuple[Role, ...] = ("train", "val", "test")
SPLIT_OFF = "split off from train"


@dataclass(frozen=True)
class Ingested:
    """How many rows each split got, and how many each file gave, by the role of its source."""

    rows: dict[str, int]
    files: dict[str, dict[str, int]]


def ingest(data: Data, folder: Path, pinned: Mapping[Role, Pin] | None = None) -> Ingested:
    """Write the rows of all sources to `folder`; none is lost on the way."""
    pinned = pinned or {}
    done = Ingested({}, {})
    for role, path in paths(data).items():
        if path:
            source = standard(sources.read(path, role, data, pinned.get(role)), data)
            rows = split(source, shares(data) if role == "train" else (0.0, 0.0), folder, role)
            check_rows(path, source.read, {name: folder / f"{name}.parquet" for name in rows})
            done.rows.update(rows)
            done.files[role] = dict(source.read)
    for role, pin in pinned.items():  # a file that has changed while it was read
        remote.find(str(paths(data)[role]), pin, ())
    return done


def check_rows(path: str, read: Mapping[str, int], written: Mapping[str, Path]) -> None:
    """Refuse a source without rows, and files that do not hold all rows that were read."""
    rows = {name: pq.read_metadata(file).num_rows for name, file in written.items()}
    if not any(rows.values()):
        raise DataError(f"{path} has columns but no rows; expected rows of labelled text")
    if sum(read.values()) != sum(rows.values()):
        raise DataError(
            f"{path}: {sum(read.values()):,} rows were read, but {sum(rows.values()):,} written "
            f"({rows}); this is a fault of ml.ingest: report it"
        )


def pinned_by(params: Params) -> dict[Role, Pin]:
    """Return the pin of each remote source; it must be the one that params.yaml stands for."""
    urls = {role: url for role, url in paths(params.data).items() if url and pins.remote(url)}
    known = pins.load() if urls else {}
    for role, url in urls.items():
        if url not in known or known[url].fingerprint != getattr(params.snapshot, role):
            raise DataError(
                f"{LOCK} should pin {url} as params.yaml has it, but "
                f"{'pins another state of it' if url in known else 'does not name it'}; take both "
                "files from one commit, or run `make train`, which composes first"
            )
    return {role: known[url] for role, url in urls.items()}


def standard(source: Source, data: Data) -> Source:
    """Put the text and the label first, under these names and as text; keep the other columns."""
    ours = (data.text_column, data.label_column)
    others = [name for name in source.schema.names if name not in ours]
    columns.check_types(source, ours)
    kept = [source.schema.field(name).with_name(columns.beside(name, source)) for name in others]
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
        for batch in source.batches:
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
    alike, _ = cleaning.normalise(pl.Series(texts, dtype=pl.String))
    places = np.array([hashing.unit(text or "", "split") for text in alike])
    return np.where(places < test, "test", np.where(places >= 1 - val, "val", "train"))


def main() -> None:
    """Run the stage."""
    params = schema.load()
    data, pinned = params.data, pinned_by(params)
    with outputs.folder(RAW) as folder:
        done = ingest(data, folder, pinned)
        found = {
            "synthetic": SYNTHETIC in paths(data).values(),
            "source": {role: path or SPLIT_OFF for role, path in paths(data).items()},
            "rows": done.rows,
            "files": done.files,
        }
        if pinned:
            found["pinned"] = {
                role: {"fingerprint": pin.fingerprint, **settings(role, data)}
                for role, pin in pinned.items()
            }
        outputs.write_json(folder / "source.json", found)
    log.info("ingested %s", ", ".join(f"{done.rows[role]:,} {role}" for role in ROLES))


if __name__ == "__main__":
    run(main)
