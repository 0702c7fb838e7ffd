"""How the values of a CSV or TSV are set apart: its delimiter, and whether quotes mean anything."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import IO

from mlops.config.schema import Quoting
from mlops.core.errors import DataError
from mlops.tables.readers.shards import Shard

BLOCK = 16 << 20  # bytes; a row must fit into it
OTHERS = ",;\t|"  # what spreadsheets and databases write, whatever they call the file
DECLARED = re.compile(r"sep=(.)\s*")  # the first line that Excel reads and writes


@dataclass(frozen=True)
class Dialect:
    """Delimiter, quoting, and how many lines are above the header."""

    delimiter: str
    quoting: Quoting
    above: int = 0

    def lines(self, file: IO[bytes]) -> Iterator[str]:
        """Give the lines from the header on."""
        lines = iter(io.TextIOWrapper(file, "utf-8-sig", newline=""))
        for _ in range(self.above):
            next(lines, None)
        return lines

    def rows(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """Split lines into values; a doubtful quote is an error."""
        if self.quoting == "none":
            return csv.reader(lines, delimiter=self.delimiter, quoting=csv.QUOTE_NONE)
        return csv.reader(lines, delimiter=self.delimiter, strict=True)

    def header(self, shard: Shard) -> list[str]:
        """Return the names in the first row."""
        names = self._first(shard)
        if isinstance(names, csv.Error):
            raise DataError(
                f"{shard.name}: the first row is no header ({names}); name the columns in it"
            ) from names
        return names

    def tried(self, shard: Shard) -> list[str]:
        """Return the names in the first row; none where its quotes make no sense."""
        names = self._first(shard)
        return [] if isinstance(names, csv.Error) else names

    def _first(self, shard: Shard) -> list[str] | csv.Error:
        with shard.text() as file:
            try:
                return next((row for row in self.rows(self.lines(file)) if row), [])
            except csv.Error as error:
                return error


def find(shard: Shard, dialect: Dialect) -> tuple[Dialect, list[str]]:
    """Return the dialect of a file and its columns.

    Another delimiter than that of its name counts where Excel's first line declares it, where only
    that one gives the columns that are needed, or where the quotes of the header make no sense
    without it.
    """
    names = dialect.tried(shard)
    if len(names) <= 2 and (declared := DECLARED.fullmatch(dialect.delimiter.join(names))):
        dialect = replace(dialect, delimiter=declared[1], above=1)
        names = dialect.tried(shard)
    if not names or not set(shard.needed) <= set(names):
        others = [replace(dialect, delimiter=mark) for mark in OTHERS]
        tried = [(other, other.tried(shard)) for other in others]
        for other, found in tried:
            if len(found) > 1 and set(shard.needed) <= set(found):
                return other, found
        if not names:  # as many columns as can be had, for a sentence about them
            dialect, names = max(tried, key=lambda one: len(one[1]))
    return dialect, names or dialect.header(shard)
