"""Write tables and folders: the same rows give the same bytes, and nothing half-written is left."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mlops.core import files

write_json = files.write_json
ROWS = 65_536  # of a row group: enough to compress well, few enough to hold several in memory


@contextmanager
def folder(path: Path) -> Iterator[Path]:
    """Give a new folder to write into; it becomes `path` only when the block has succeeded."""
    partial = path.with_name(f"{path.name}.partial")
    for old in (path, partial):
        shutil.rmtree(old, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial)
        raise
    partial.replace(path)


class TableWriter:
    """Write rows to Parquet in groups of one size, however the rows arrive."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        # The metadata of a source (pandas, Hugging Face) would make equal rows unequal bytes.
        # Texts become the common kind of text.
        types = [pa.string() if pa.types.is_large_string(t) else t for t in schema.types]
        self.schema = pa.schema(list(zip(schema.names, types, strict=True)))
        self.rows = 0
        self._file = pq.ParquetWriter(path, self.schema, compression="zstd")
        self._waiting: list[pa.RecordBatch] = []

    def __enter__(self) -> "TableWriter":
        return self

    def __exit__(self, *_error: object) -> None:
        self._flush(1)
        self._file.close()

    def write(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Add rows, cast to the types of the file."""
        for batch in batches:
            for start in range(0, batch.num_rows, ROWS):
                self._waiting.append(batch.slice(start, ROWS).cast(self.schema))
            self.rows += batch.num_rows
            self._flush(ROWS)

    def _flush(self, least: int) -> None:
        while (rows := sum(batch.num_rows for batch in self._waiting)) >= least:
            table = pa.Table.from_batches(self._waiting, self.schema)
            # One chunk: page borders would follow the chunks, and these the source.
            self._file.write_table(table.slice(0, ROWS).combine_chunks(), row_group_size=ROWS)
            self._waiting = table.slice(ROWS).to_batches() if rows > ROWS else []
