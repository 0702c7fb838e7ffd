"""Bring the configured sources into one form.

Reads: the sources that the section `data` names, the remote ones as sources.lock pins them
Writes: data/raw/{train,val,test}.parquet, data/raw/source.json
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from ml import config, hashing, outputs
from ml.config import Data, Params
from ml.data import cleaning, pins, remote, sources
from ml.data.pins import LOCK, Pin, Role, paths, settings, shares
from ml.data.sources import SYNTHETIC, Source
from ml.errors import DataError, run

log = logging.getLogger(__name__)

RAW = Path("data/raw")
ROLES: tuple[Role, ...] = ("train", "val", "test")
SPLIT_OFF = "split off from train"


def ingest(data: Data, folder: Path, pinned: Mapping[Role, Pin] | None = None) -> dict[str, int]:
    """Write the rows of all sources to `folder`; return how many each split got."""
    pinned = pinned or {}
    first = sources.read(data.train_path, "train", data, pinned.get("train"))
    rows = split(standard(first, data), data, folder)
    given: tuple[tuple[Role, str | None], ...] = (("val", data.val_path), ("test", data.test_path))
    for role, path in given:
        if path:
            source = standard(sources.read(path, role, data, pinned.get(role)), data)
            with outputs.TableWriter(folder / f"{role}.parquet", source.schema) as writer:
                writer.write(source.batches)
            rows[role] = _some(writer.rows, path)
    for role, pin in pinned.items():  # a file that has changed while it was read
        remote.find(str(paths(data)[role]), pin, ())
    return rows


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
    _check_types(source, ours)
    kept = [
        source.schema.field(name).with_name(_beside(name, source.schema.names, source.path))
        for name in others
    ]
    schema = pa.schema([("text", pa.string()), ("label", pa.string()), *kept])

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in source.batches:
            text, label = (batch.column(name) for name in ours)
            columns = [text.cast(pa.string()), label_names(label), *map(batch.column, others)]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    return Source(source.path, schema, batches())


def _beside(name: str, names: list[str], path: str) -> str:
    """Return the name of another column; `text` and `label` make room for ours."""
    if name not in ("text", "label"):
        return name
    free = next(new for n in count(1) if (new := f"{name}_{n}") not in names)
    log.info(
        "%s: column %r is called %r from here on; data.%s_column names another",
        path,
        name,
        free,
        name,
    )
    return free


def label_names(labels: pa.Array) -> pa.Array:
    """Return labels as text: 1 and 1.0 as "1", true as "true", NaN and nothing as null."""
    if pa.types.is_floating(labels.type):
        labels = pc.if_else(pc.is_nan(labels), None, labels)
    names = labels.cast(pa.string())
    # pandas writes 1.0 for 1 as soon as one row has no label.
    names = pc.replace_substring_regex(names, r"^(-?\d+)\.0$", r"\1")
    return pc.if_else(pc.equal(names, ""), None, names)


def split(source: Source, data: Data, folder: Path) -> dict[str, int]:
    """Write train, and val and test split off from it where they have no source of their own."""
    val, test = shares(data)
    parts = {"train": 1.0, "val": val, "test": test}
    with ExitStack() as stack:
        writers = {
            role: stack.enter_context(
                outputs.TableWriter(folder / f"{role}.parquet", source.schema)
            )
            for role, share in parts.items()
            if share
        }
        for batch in source.batches:
            places = assign(batch.column("text"), val, test)
            for role, writer in writers.items():
                writer.write([batch.filter(pa.array(places == role))])
    _some(sum(writer.rows for writer in writers.values()), data.train_path)
    return {role: writer.rows for role, writer in writers.items()}


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


def _check_types(source: Source, ours: tuple[str, str]) -> None:
    text, label = (source.schema.field(name).type for name in ours)
    words = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    nothing = pa.types.is_null  # all null: told as such by the checks of prepare
    if not any(is_kind(text) for is_kind in (*words, nothing)):
        raise DataError(
            f"column {ours[0]!r} of {source.path} holds {text}; expected text: "
            "write it as text, or set data.text_column"
        )
    numbers = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    if not any(is_kind(label) for is_kind in (*words, *numbers, nothing)):
        raise DataError(
            f"column {ours[1]!r} of {source.path} holds {label}; expected text, whole numbers "
            "or true and false: write it so, or set data.label_column"
        )


def _some(rows: int, path: str) -> int:
    if not rows:
        raise DataError(f"{path} has columns but no rows; expected rows of labelled text")
    return rows


def main() -> None:
    """Run the stage."""
    params = config.load()
    data, pinned = params.data, pinned_by(params)
    with outputs.folder(RAW) as folder:
        rows = ingest(data, folder, pinned)
        found = {
            "synthetic": SYNTHETIC in paths(data).values(),
            "source": {role: path or SPLIT_OFF for role, path in paths(data).items()},
            "rows": rows,
        }
        if pinned:
            found["pinned"] = {
                role: {"fingerprint": pin.fingerprint, **settings(role, data)}
                for role, pin in pinned.items()
            }
        outputs.write_json(folder / "source.json", found)
    log.info("ingested %s", ", ".join(f"{rows[role]:,} {role}" for role in ROLES))


if __name__ == "__main__":
    run(main)
