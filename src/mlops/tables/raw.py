"""Read data/raw piece by piece: never more than some thousand rows at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from mlops.core import terminal
from mlops.core.outputs import ROWS
from mlops.core.project import project

# Control characters that are not white space, and the byte order mark inside a text.
CONTROL = r"[\p{Cc}\x{FEFF}&&[^\s]]"


@dataclass(frozen=True)
class Raw:
    """The rows of all splits, with texts as `data.preprocessing` wants them."""

    folder: Path
    preprocessing: bool

    def schema(self, split: str) -> pa.Schema:
        """Return the columns of a split."""
        return pq.read_schema(self.folder / f"{split}.parquet")

    def pieces(self, split: str, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Give the rows of a split in their order."""
        with pq.ParquetFile(self.folder / f"{split}.parquet") as file:
            pieces = file.iter_batches(ROWS, columns=columns, use_threads=False)
            yield from terminal.follow(pieces, len, file.metadata.num_rows, f"reading {split}")

    def clean(self, piece: pa.RecordBatch) -> tuple[pl.Series, dict[str, int]]:
        """Return the texts of a piece, normalised, and how many were changed by what."""
        texts = pl.Series("text", piece.column("text"), dtype=pl.String)
        return project().clean(texts) if self.preprocessing else (texts, {})

    def text(self, row: Mapping[str, Any]) -> str | None:
        """Return the text of one row, for a message about it."""
        place = row["row"] - 1
        for piece in self.pieces(row["split"], ["text"]):
            if place < piece.num_rows:
                text: str | None = self.clean(piece.slice(place, 1))[0][0]
                return text
            place -= piece.num_rows
        raise IndexError(place)
