"""Read CSV and TSV, quoted as spreadsheets and pandas do it. All columns are text."""

import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.csv import ConvertOptions, ParseOptions, ReadOptions, open_csv

from mlops.config.schema import Quoting
from mlops.core.errors import DataError
from mlops.tables.messages import short
from mlops.tables.readers import dialect as dialects
from mlops.tables.readers import doubts
from mlops.tables.readers.dialect import BLOCK, Dialect
from mlops.tables.readers.quotes import MOST, Quotes
from mlops.tables.readers.shards import Shard

UNEQUAL = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+): (.*)", re.DOTALL)


class Delimited:
    """Rows of values between delimiters, below a header."""

    def __init__(self, delimiter: str, quoting: Quoting = "auto") -> None:
        self.dialect = Dialect(delimiter, quoting)
        self._found: dict[str, tuple[Dialect, list[str]]] = {}

    def schema(self, shard: Shard) -> pa.Schema:
        """Return the columns that the header names."""
        _, names = self._found[shard.name] = dialects.find(shard, self.dialect)
        return pa.schema([(name, pa.string()) for name in named(names)])

    def batches(self, shard: Shard, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Give the rows below the header."""
        dialect, header = self._found.get(shard.name) or dialects.find(shard, self.dialect)
        names, rows = named(header), 0
        types = {old: schema.field(name).type for old, name in zip(header, names, strict=True)}
        label = names.index(shard.needed[1]) if set(shard.needed[1:]) & set(names) else None
        seen: set[str] = set()
        with shard.open() as file:
            quotes = Quotes(file, dialect, len(names), label)
            try:
                for batch in _parsed(quotes, dialect, types):
                    if (again := _header(batch, header, shard.needed)) is not None:
                        raise _joined(shard, rows + again + 2)
                    rows += batch.num_rows
                    if label is not None and len(seen) <= MOST:
                        seen |= set(pc.unique(batch.column(label)).to_pylist())
                    yield pa.RecordBatch.from_arrays(batch.columns, names=names)
            except pa.ArrowInvalid as error:
                if "invalid UTF8" in str(error):
                    shard.find_wrong_bytes()
                # A header without an end of line has no rows below it.
                if "Empty CSV file or block" not in str(error):
                    raise _refused(shard, dialect, quotes, error) from error
            quotes.finish()
        _check(shard, dialect, quotes, (rows, label or 0, seen))


def named(header: list[str]) -> list[str]:
    """Return the names of the columns; several without one get one, as in pandas."""
    if header.count("") < 2:
        return header
    return [name or f"Unnamed: {place}" for place, name in enumerate(header)]


def _parsed(
    quotes: Quotes, dialect: Dialect, types: dict[str, pa.DataType]
) -> Iterator[pa.RecordBatch]:
    quoted = dialect.quoting != "none"
    return open_csv(  # type: ignore[no-any-return]
        pa.PythonFile(quotes, "r"),
        # With threads Arrow does not know which row is wrong.
        ReadOptions(block_size=BLOCK, use_threads=False, skip_rows=dialect.above),
        ParseOptions(
            delimiter=dialect.delimiter,
            quote_char='"' if quoted else False,
            newlines_in_values=quoted,
        ),
        ConvertOptions(column_types=types),
    )


def _header(batch: pa.RecordBatch, header: list[str], needed: tuple[str, ...]) -> int | None:
    """Return where the header stands once more, behind a byte order mark or not."""
    same: pa.Array | None = None
    for name in needed if set(needed) <= set(header) else ():
        bare = pc.utf8_ltrim(batch.column(header.index(name)), "\ufeff")
        found = pc.equal(bare, name)
        same = found if same is None else pc.and_(same, found)
    place = pc.index(same, True).as_py() if same is not None else -1
    return place if place >= 0 else None


def _joined(shard: Shard, row: int) -> DataError:
    return DataError(
        f"{shard.name}, row {row} (the header is row 1): the header is repeated here, as in files "
        "joined with cat; remove it, or put the separate files into one folder"
    )


def _check(shard: Shard, dialect: Dialect, quotes: Quotes, read: tuple[int, int, set[str]]) -> None:
    """Refuse what the bytes leave in doubt, or another number of rows than they have."""
    rows, label, seen = read
    labels = {name for name in seen if name and name.encode() in quotes.candidates}
    if quotes.broken:
        raise doubts.broken(shard, dialect) or doubts.unknown(shard)
    if labels:
        raise doubts.swallowed(shard, dialect, label, labels)
    if quotes.mixed:
        raise doubts.mixed(shard, dialect)
    shard.check_rows(rows, max(quotes.records - 1 - dialect.above, 0))


def _refused(shard: Shard, dialect: Dialect, quotes: Quotes, error: Exception) -> DataError:
    """Return the error for rows that Arrow refuses: a quote may be the cause."""
    quotes.finish()
    found = doubts.broken(shard, dialect) if quotes.broken else None
    return found or DataError(f"{shard.name}{_reason(str(error), dialect)}")


def _reason(error: str, dialect: Dialect) -> str:
    if unequal := UNEQUAL.search(error):
        row, expected, found, text = unequal.groups()
        return (
            f", row {int(row) - dialect.above} (the header is row 1): expected {expected} values, "
            f"found {found}: {short(text)}; quote a value that holds a delimiter, close a quote "
            "that is open"
        )
    if "straddl" in error:
        return f": a row is longer than {BLOCK >> 20} MB; is there a quote that is never closed?"
    return f" cannot be read ({short(error, 200)}); write it again"
