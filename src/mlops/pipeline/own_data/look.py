"""Look at the data of a configuration: what ingest and prepare would make of its first rows.

The stages themselves run, in a temporary folder, so that what is found here is what `make train`
finds. A source that is longer than the look is judged by what its first rows can tell.

Reads: the sources that the section `data` names
"""

import importlib
import logging
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mlops.config.schema import Data, Params
from mlops.core import files
from mlops.pipeline import compose
from mlops.tables import pins, sources
from mlops.tables.pins import Role
from mlops.tables.readers import formats, shards
from mlops.tables.readers.jsonlines import JsonLines
from mlops.tables.readers.shards import Shard

ROWS = 50_000
BYTES = 64 << 20
Heads = dict[Role, "Head"]


@dataclass(frozen=True)
class Head:
    """The first rows of a source, and whether these are all."""

    rows: pa.Table
    whole: bool


@dataclass(frozen=True)
class Look:
    """The labels and what reports/data.json says of the rows; not `whole`: of the first ones."""

    labels: list[str]
    report: dict[str, Any]
    whole: bool


def heads(data: Data) -> Heads:
    """Read the first rows of each source that is a file or a folder of this machine, or a URL."""
    named = {role: path for role, path in pins.paths(data).items() if path}
    return {role: head(path, role, data) for role, path in named.items()}


def head(path: str, role: Role, data: Data) -> Head:
    """Read the first rows of a source, by the readers that ingest uses."""
    with _shortened(path, data) as short:
        source = short or sources.read(path, role, data)
        batches: list[pa.RecordBatch] = []
        for batch in source.batches:
            batches.append(batch)
            if sum(one.num_rows for one in batches) >= ROWS or _size(batches) >= BYTES:
                break
        whole = not short and next(source.batches, None) is None
    rows = pa.Table.from_batches(batches, source.schema)
    return Head(rows.slice(0, ROWS), whole and rows.num_rows <= ROWS)


def _size(batches: list[pa.RecordBatch]) -> int:
    return sum(one.nbytes for one in batches)


@contextmanager
def _shortened(path: str, data: Data) -> Iterator[sources.Source | None]:
    """Give the beginning of long JSON lines, whose reader reads them all to know their keys."""
    if path == sources.SYNTHETIC or path.startswith("hf:"):
        yield None
        return
    found = shards.find(path, (data.text_column, data.label_column))
    reader = formats.reader(found, data.quoting)
    if not isinstance(reader, JsonLines) or sum(one.info["size"] for one in found) < BYTES:
        yield None
        return
    with tempfile.NamedTemporaryFile("w", suffix=found[0].suffix, encoding="utf-8") as file:
        for _, line in found[0].lines():
            file.write(line)
            if file.tell() > BYTES:
                break
        file.flush()
        part = Shard(shards.connect(file.name)[0], file.name, found[0].name, found[0].needed)
        yield sources.from_files(path, [part], reader)


def look(params: Params, found: Heads) -> Look:
    """Run ingest and prepare on the first rows; an error of theirs is one of the data."""
    with tempfile.TemporaryDirectory(prefix="look-") as folder:
        paths = {}
        for role, one in found.items():
            paths[f"{role}_path"] = str(Path(folder, f"{role}.parquet"))
            pq.write_table(one.rows, paths[f"{role}_path"])
        data = params.data.model_copy(update=paths)
        with chdir(folder), _quiet():
            compose.write(params.model_copy(update={"data": data}))
            for stage in ("ingest", "prepare"):
                importlib.import_module(f"ml.{stage}").main()
            report = files.read_json(Path("reports/data.json"), "labels", "splits")
    return Look(report["labels"], report, all(one.whole for one in found.values()))


@contextmanager
def _quiet() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
