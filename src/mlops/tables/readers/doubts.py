"""Find the row of a CSV or TSV that makes its quotes doubtful.

Slow, and only for a file that is refused: its rows are read again with Python's own reader, which
knows their numbers.
"""

import csv
from collections.abc import Container, Iterator

from mlops.core.errors import DataError
from mlops.tables.messages import short
from mlops.tables.readers.dialect import BLOCK, Dialect
from mlops.tables.readers.shards import Shard

NONE = "if quotes are ordinary characters of the texts, set data.quoting=none"
STANDARD = "if they are CSV quotes, set data.quoting=standard"
BACKSLASH = (
    'this file writes \\" for a quote in a value, as Spark does: write "" '
    '(Spark: option("escape", "\\"")) or Parquet'
)


def broken(shard: Shard, dialect: Dialect) -> DataError | None:
    """Return the error for a quote that is not closed, or closed before its value ends."""
    rows = _Rows(shard, dialect)
    try:
        for _ in rows:
            pass
    except csv.Error as error:
        text = "".join(rows.lines)
        place = f"{shard.name}, row {rows.number + 1} (the header is row 1): "
        if '\\"' in text:
            return DataError(f"{place}{short(text)}: {BACKSLASH}")
        if "unexpected end" in str(error) or "field larger" in str(error):
            fault = "a quote is never closed; close it"
        else:
            fault = 'a quoted value continues after its closing quote; write "" for a quote in it'
        return DataError(f"{place}{fault}, or, {NONE}: {short(text)}")
    return None


def unknown(shard: Shard) -> DataError:
    """Return the error for what Python's reader takes and Arrow does not."""
    return DataError(f"{shard.name}: its quotes cannot be read; write it as Parquet or JSONL")


def swallowed(shard: Shard, dialect: Dialect, label: int, labels: Container[str]) -> DataError:
    """Return the error for a value that holds lines which look like rows."""
    rows = _Rows(shard, dialect)
    for values in rows:
        for line in rows.lines if len(rows.lines) > 1 else []:
            fields = line.rstrip("\r\n").split(dialect.delimiter)
            if len(fields) == len(values) and fields[label] in labels:
                return DataError(
                    f"{shard.name}, row {rows.number} (the header is row 1): a quoted value spans "
                    f"{len(rows.lines):,} lines, one of which looks like a separate row: "
                    f"{short(line.rstrip())}; close the quote, or, {NONE}; {STANDARD}"
                )
    return DataError(f"{shard.name}: a quoted value holds lines that look like rows; {NONE}")


def mixed(shard: Shard, dialect: Dialect) -> DataError:
    """Return the error for quotes that may be signs of CSV or characters of the texts."""
    found: dict[str, str] = {}
    rows = _Rows(shard, dialect)
    for _ in rows:
        line = "".join(rows.lines).rstrip("\r\n")
        for value in line.split(dialect.delimiter):
            where = "around" if value[:1] == value[-1:] == '"' else "inside"
            if '"' in value[1:-1] or where == "around":
                found.setdefault(where, f"row {rows.number} {short(line)}")
        if len(found) > 1:
            break
    return DataError(
        f"{shard.name} has quotes around whole values ({found.get('around')}) and inside others "
        f"({found.get('inside')}; the header is row 1): {NONE}; {STANDARD}"
    )


class _Rows:
    """The rows, blank lines apart, the header among them."""

    def __init__(self, shard: Shard, dialect: Dialect) -> None:
        self.shard, self.dialect = shard, dialect
        self.number = 0  # of the last row
        self.lines: list[str] = []  # that it was read from

    def __iter__(self) -> Iterator[list[str]]:
        limit = csv.field_size_limit(BLOCK)
        try:
            with self.shard.open() as file:
                for values in self.dialect.rows(self._noted(self.dialect.lines(file))):
                    if values:
                        self.number += 1
                        yield values
                    self.lines.clear()
        finally:
            csv.field_size_limit(limit)

    def _noted(self, lines: Iterator[str]) -> Iterator[str]:
        for line in lines:
            self.lines.append(line)
            yield line
