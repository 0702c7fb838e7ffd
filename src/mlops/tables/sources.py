"""Read a configured source: our grammar, files of rows, or a Hugging Face data set."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlops.config.schema import Data
from mlops.core.errors import DataError
from mlops.core.project import project
from mlops.tables import local, remote
from mlops.tables.messages import listed, meant
from mlops.tables.pins import Pin, Role
from mlops.tables.readers import formats, shards
from mlops.tables.readers.formats import Format
from mlops.tables.readers.jsonlines import BATCH
from mlops.tables.readers.shards import Shard

SPLITS: dict[Role, str] = {"train": "train", "val": "validation", "test": "test"}
SYNTHETIC = "synthetic"
HUGGING_FACE = re.compile(
    r"hf:(?P<name>[^:@#]+)(:(?P<config>[^@#]+))?(@(?P<revision>[^#]+))?(#(?P<split>.+))?"
)


# A title above the header, a file without one, or an object around the rows.
ONE_COLUMN = (
    "set data.{key}, or, if these are not the columns, remove what is above or around the header"
)


@dataclass(frozen=True)
class Source:
    """A stream of rows and its columns."""

    path: str
    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    read: Counter[str] = field(default_factory=Counter)  # rows given so far, by file


def read(path: str, role: Role, data: Data, pin: Pin | None = None) -> Source:
    """Open the source at `path`, as pinned or else as it is, with the columns that `data` names."""
    if path == SYNTHETIC:
        source = _grammar(data.synthetic_rows)
    elif path.startswith("hf:"):
        source = _hugging_face(path, role)
    else:
        needed = (data.text_column, data.label_column)
        found = remote.find(path, pin, needed) if pin else shards.find(path, needed)
        source = from_files(path, found, formats.reader(found, data.quoting))
    check_columns(source.schema, path, (data.text_column, data.label_column))
    return source


def check_columns(schema: pa.Schema, where: str, needed: tuple[str, ...]) -> None:
    """Refuse columns that are missing or that cannot be told apart."""
    for key, name in zip(("text_column", "label_column"), needed, strict=True):
        if name not in schema.names:
            near = meant(name, schema.names)
            raise DataError(
                f"{where} has no column {name!r}{near}; it has {listed(schema.names)}: "
                + (f"set data.{key}" if len(schema.names) > 1 else ONE_COLUMN.format(key=key))
            )
    if needed[0] == needed[1]:
        raise DataError(
            f"{needed[0]!r} is both data.text_column and data.label_column; correct one"
        )
    twice = {name for name in schema.names if schema.names.count(name) > 1}
    if twice:
        raise DataError(f"{where} has two columns called {listed(sorted(twice))}; rename one")


def _grammar(rows: int) -> Source:
    corpus = project().corpus(rows)
    first = next(corpus)
    schema = pa.schema([(name, pa.string()) for name in first])
    return _counted(Source(SYNTHETIC, schema, _batched(chain([first], corpus), schema)), rows)


def _counted(source: Source, rows: int) -> Source:
    """Count the rows of a source that knows how many it has."""

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in source.batches:
            source.read[source.path] += batch.num_rows
            yield batch
        if (given := source.read[source.path]) != rows:
            raise DataError(f"{source.path} has {rows:,} rows, but gave {given:,}; report this")

    return replace(source, batches=batches())


def _batched(rows: Iterator[Mapping[str, str]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    while chunk := list(islice(rows, BATCH)):
        columns = [pa.array([row[name] for row in chunk], pa.string()) for name in schema.names]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def from_files(path: str, found: list[Shard], reader: Format) -> Source:
    """Open files of one format."""
    schemas = [reader.schema(shard) for shard in found]
    for shard, schema in zip(found, schemas, strict=True):
        check_columns(schema, shard.name, shard.needed)
    try:
        schema = pa.unify_schemas(schemas, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(f"the files of {path} differ in a type: {error}; use one type") from error
    read: Counter[str] = Counter()
    return Source(path, schema, _rows(found, reader, schema, read), read)


def _rows(
    found: list[Shard], reader: Format, schema: pa.Schema, read: Counter[str]
) -> Iterator[pa.RecordBatch]:
    for shard in found:
        name = PurePosixPath(shard.path).name
        for batch in reader.batches(shard, schema):
            columns = [
                batch.column(column.name).cast(column.type)
                if column.name in batch.schema.names
                else pa.nulls(batch.num_rows, column.type)
                for column in schema
            ]
            read[name] += batch.num_rows
            yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _hugging_face(path: str, role: Role) -> Source:
    wanted = HUGGING_FACE.fullmatch(path)
    if not wanted:
        raise DataError(f"{path}: expected hf:<name>[:<config>][@<revision>][#<split>]")
    import datasets  # noqa: PLC0415  # seconds, and few projects need it

    split = wanted["split"] or SPLITS[role]
    name = _hub_name(wanted["name"])
    try:
        if (Path(name) / "state.json").exists():  # of `Dataset.save_to_disk`
            rows = _saved(name, wanted["split"])
        else:
            rows = datasets.load_dataset(
                name, wanted["config"], split=split, revision=wanted["revision"]
            )
    except DataError:
        raise
    # It raises its own errors and those of every library below it.
    except Exception as error:
        raise DataError(f"{path}: {_hub_reason(error, split)}") from error
    names = {
        name: feature.names
        for name, feature in rows.features.items()
        if isinstance(feature, datasets.ClassLabel)
    }
    batches = (_named(batch, names) for batch in _arrow(rows))
    schema = _named(rows.data.schema.empty_table(), names).schema
    return _counted(Source(path, schema, batches), rows.num_rows)


def _saved(folder: str, split: str | None) -> Any:
    import datasets  # noqa: PLC0415

    if split:
        raise DataError(f"hf:{folder} is one data set without splits; leave out #{split}")
    return datasets.load_from_disk(folder)


def _hub_name(name: str) -> str:
    """Return where a local folder lies, seen from here; the name of another data set as it is."""
    folder = local.found(Path(name))
    return str(folder) if folder.exists() else name


def _hub_reason(error: Exception, split: str) -> str:
    if isinstance(error, ConnectionError) or type(error).__module__.startswith("http"):
        return (
            f"the Hugging Face hub cannot be reached ({error}); check the network, HF_ENDPOINT "
            "and HF_HUB_OFFLINE, or give a local folder: hf:<folder>"
        )
    return f"split {split!r} cannot be loaded ({type(error).__name__}: {error}); check the name"


def _arrow(rows: Any) -> Iterator[pa.RecordBatch]:
    for table in rows.with_format("arrow").iter(BATCH):
        yield from table.to_batches()


def _named(rows: Any, names: dict[str, list[str]]) -> Any:
    """Replace class numbers by names; -1, which the hub writes for unknown, by null."""
    for column, classes in names.items():
        place = rows.schema.names.index(column)
        numbers = rows.column(column)
        known = pc.if_else(pc.less(numbers, 0), None, numbers)
        rows = rows.set_column(place, column, pa.array(classes).take(known))
    return rows
