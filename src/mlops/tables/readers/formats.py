"""Choose the reader of a file by its name; read Parquet.

The text formats give text columns: what is a number in one row may be a word in the next.
"""

from collections.abc import Iterator
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from mlops.config.schema import Quoting
from mlops.core.errors import DataError
from mlops.core.project import project
from mlops.tables.readers.delimited import Delimited
from mlops.tables.readers.jsonlines import BATCH, JsonLines
from mlops.tables.readers.shards import Shard


class Format(Protocol):
    """What every reader can do."""

    def schema(self, shard: Shard) -> pa.Schema:
        """Return the columns of the file."""
        ...

    def batches(self, shard: Shard, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Give the rows of the file; `schema` has its columns, and maybe those of its siblings."""
        ...


class Parquet:
    """Parquet, with the types that it declares."""

    def schema(self, shard: Shard) -> pa.Schema:
        """Return the columns; dictionaries as the values that they hold."""
        with shard.open() as file:
            return _decoded(pq.ParquetFile(file).schema_arrow)

    def batches(self, shard: Shard, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Give the rows, dictionaries as they are."""
        row = 1
        with shard.open() as file:
            content = pq.ParquetFile(file)
            for batch in content.iter_batches(BATCH, use_threads=False):
                if not _valid(batch):  # Arrow reads texts without a look at them
                    row += next(i for i in range(BATCH) if not _valid(batch.slice(i, 1)))
                    raise DataError(f"{shard.name}, row {row}: not UTF-8; fix the text there")
                row += batch.num_rows
                yield batch
            shard.check_rows(row - 1, content.metadata.num_rows)


FORMATS: dict[str, Format] = {
    ".csv": Delimited(","),
    ".tsv": Delimited("\t"),
    ".jsonl": JsonLines(),
    ".ndjson": JsonLines(),
    ".json": JsonLines(),
    ".parquet": Parquet(),
}


def reader(shards: list[Shard], quoting: Quoting = "auto") -> Format:
    """Return the one reader for these files."""
    known = {**FORMATS, **project().formats()}
    for shard in shards:
        if shard.suffix not in known:
            raise DataError(
                f"{shard.name} has no known format; "
                f"expected {', '.join(known)}, or one of the text formats with .gz"
            )
        if known[shard.suffix] is not known[shards[0].suffix]:
            raise DataError(
                f"a folder must hold one format, found {shards[0].name} and {shard.name}; "
                "give each format a folder of its own"
            )
    found = known[shards[0].suffix]
    return Delimited(found.dialect.delimiter, quoting) if isinstance(found, Delimited) else found


def _decoded(schema: pa.Schema) -> pa.Schema:
    types = [
        column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        for column in schema
    ]
    return pa.schema(list(zip(schema.names, types, strict=True)))


def _valid(batch: pa.RecordBatch) -> bool:
    try:
        batch.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True
