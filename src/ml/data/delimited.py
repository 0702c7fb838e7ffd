"""Read CSV and TSV, quoted as spreadsheets and pandas do it. All columns are text."""

import csv
import io
import re
from collections.abc import Iterator

import pyarrow as pa
from pyarrow.csv import ConvertOptions, ParseOptions, ReadOptions, open_csv

from ml.data.shards import Shard
from ml.data.wording import short
from ml.errors import DataError

BLOCK = 16 << 20  # bytes; a row must fit into it
UNEQUAL = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+): (.*)", re.DOTALL)


class Delimited:
    """Rows of values between delimiters, below a header."""

    def __init__(self, delimiter: str) -> None:
        self.delimiter = delimiter

    def schema(self, shard: Shard) -> pa.Schema:
        """Return the columns that the header names."""
        with shard.open() as file:
            lines = io.TextIOWrapper(file, "utf-8-sig", newline="")
            try:
                names = next(csv.reader(lines, delimiter=self.delimiter), [])
            except csv.Error as error:
                raise DataError(
                    f"{shard.name}: the first row is no header ({error}); name the columns in it"
                ) from error
        return pa.schema([(name, pa.string()) for name in names])

    def batches(self, shard: Shard, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Give the rows below the header."""
        types = {column.name: column.type for column in schema}
        with shard.open() as file:
            try:
                yield from open_csv(
                    pa.PythonFile(file, "r"),
                    # With threads Arrow does not know which row is wrong.
                    ReadOptions(block_size=BLOCK, use_threads=False),
                    ParseOptions(delimiter=self.delimiter, newlines_in_values=True),
                    ConvertOptions(column_types=types),
                )
            except pa.ArrowInvalid as error:
                if "invalid UTF8" in str(error):
                    shard.find_wrong_bytes()
                # A header without an end of line has no rows below it.
                if "Empty CSV file or block" not in str(error):
                    raise DataError(f"{shard.name}{_reason(str(error))}") from error


def _reason(error: str) -> str:
    if unequal := UNEQUAL.search(error):
        row, expected, found, text = unequal.groups()
        return (
            f", row {row} (the header is row 1): expected {expected} values, found {found}: "
            f"{short(text)}; quote a value that holds a delimiter, close a quote that is open"
        )
    if "straddl" in error:
        return f": a row is longer than {BLOCK >> 20} MB; is a quote opened that is never closed?"
    return f" cannot be read ({short(error, 200)}); write it again"
