"""Rules of the readers quotes and doubts: no row is lost in a value that never was one."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pandas  # type: ignore[import-untyped]
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlops.config.schema import Quoting
from mlops.core.errors import DataError
from mlops.tables.readers import formats, shards
from mlops.tables.readers.dialect import Dialect
from mlops.tables.readers.quotes import Quotes

PIECES = ["a", "é", "\u2028", '"', '""', '\\"', "\n", "\r\n", "pos", "{d}", "{d}pos\n", '"{d}neg\n']
ROWS = st.lists(st.lists(st.sampled_from(PIECES), max_size=7), min_size=1, max_size=6)


def read(folder: Path, content: str, name: str = "a.csv", quoting: Quoting = "auto") -> list[str]:
    """Write a file and read it; return the texts."""
    path = folder / name
    path.write_bytes(content.encode())
    found = shards.find(str(path), ("text", "label"))
    reader = formats.reader(found, quoting)
    schema = reader.schema(found[0])
    return [text for b in reader.batches(found[0], schema) for text in b["text"].to_pylist()]


def dirty(rows: list[list[str]], delimiter: str) -> str:
    """Return a file of two columns whose texts are not quoted as they should be."""
    ends = ["{d}pos\n", "{d}neg\r\n", "{d}pos\n\n"]
    lines = ("".join(row) + ends[place % 3] for place, row in enumerate(rows))
    return ("text{d}label\n" + "".join(lines)).replace("{d}", delimiter)


def by_csv(path: Path, delimiter: str) -> list[str] | None:
    """Return the texts as Python's reader has them; None where it refuses the file."""
    with path.open(newline="", encoding="utf-8") as file:
        try:
            rows = [row for row in csv.reader(file, delimiter=delimiter, strict=True) if row]
        except csv.Error:
            return None
    return [row[0] for row in rows[1:]] if {len(row) for row in rows} == {2} else None


def by_pandas(path: Path, delimiter: str) -> list[str] | None:
    """Return the texts as pandas has them."""
    try:
        table = pandas.read_csv(path, sep=delimiter, dtype=str, keep_default_na=False)
    except pandas.errors.ParserError:
        return None
    return list(table["text"])


@pytest.mark.parametrize("other", [by_csv, by_pandas])
@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ","), ("a.tsv", "\t")])
def test_others_read_the_same_or_the_file_is_refused(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    delimiter: str,
    other: Callable[[Path, str], list[str] | None],
) -> None:
    """What a file in disorder gives is what each of two other readers makes of it."""
    folder = tmp_path_factory.mktemp("dirty")

    @given(rows=ROWS)
    @example(rows=[['"a'], ["b"], ['c"']])
    def same(rows: list[list[str]]) -> None:
        content = dirty(rows, delimiter)
        try:
            found = read(folder, content, name)
        except DataError:
            return
        assert found == other(folder / name, delimiter)

    same()


@given(rows=ROWS, size=st.integers(1, 9))
def test_where_the_file_is_cut_does_not_matter(rows: list[list[str]], size: int) -> None:
    """Arrow asks for some bytes at a time; what they hold is judged as a whole."""
    content = dirty(rows, ",").encode()

    def seen(step: int) -> object:
        quotes = Quotes(io.BytesIO(content), Dialect(",", "auto"), 2, 1)
        while quotes.read(step):
            pass
        quotes.finish()
        return quotes.broken or (quotes.records, quotes.mixed, quotes.candidates)

    assert seen(size) == seen(len(content))


ESCAPED = 'text,label\na,pos\n"She said \\"no\\" twice",neg\n'
SWALLOWED = 'text\tlabel\na\tpos\n"b\tpos\nc\tneg\nd"\tneg\n'


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", 'text,label\n"a" b,pos\n', r"row 2 .*continues after its closing quote"),
        ("a.csv", 'text,label\na,pos\nneg,"b\n', r"row 3 .*a quote is never closed"),
        ("a.csv", 'text,label\n"a\n\nb",pos\n\n"c,pos\n', r"row 3 .*never closed"),
        ("a.csv", ESCAPED, r'row 3 .*as Spark does: write ""'),
        ("a.tsv", SWALLOWED, r"row 3 .*spans 3 lines, one of which looks like a separate row"),
        ("a.tsv", 'label\ttext\nneg\ta\npos\t"b\nneg\td"\n', r"row 3 .*lines, one of which .*'neg"),
        ("a.tsv", 'n\ttext\tlabel\n1\t"b\tx\n2\td"\tx\n', r"row 2 .*looks like a separate row"),
        ("a.csv", 'text,label\n"a",pos\n5" b,neg\n', r"whole values \(row 2 .*others \(row 3"),
    ],
)
def test_a_doubtful_quote_is_refused_with_its_row(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    """Arrow alone would read each of these, one or two rows fewer or with other texts."""
    with pytest.raises(DataError, match=message):
        read(tmp_path, content, name)


def test_quotes_may_be_ordinary_characters(tmp_path: Path) -> None:
    """`data.quoting=none` reads each line as a row, whatever quotes it has."""
    assert read(tmp_path, SWALLOWED, "a.tsv", "none") == ["a", '"b', "c", 'd"']


def test_quotes_may_be_believed(tmp_path: Path) -> None:
    """`data.quoting=standard` takes a value that looks like rows for what CSV says it is."""
    assert read(tmp_path, SWALLOWED, "a.tsv", "standard") == ["a", "b\tpos\nc\tneg\nd"]


def test_several_lines_in_a_value_are_ordinary(tmp_path: Path) -> None:
    """Letters and reviews have line ends and commas; nothing in them is a label of the file."""
    letter = "Dear all,\nit was, in short,\r\n\r\ngood, neg even.\nYours, B."
    content = f'text,label\n"{letter}",pos\n"b, ""c""",neg\n'

    assert read(tmp_path, content) == [letter, 'b, "c"']


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_another_delimiter_is_seen_in_the_header(tmp_path: Path, delimiter: str) -> None:
    """It is the one that gives the columns that are asked for."""
    content = f"text{delimiter}label\na, b{delimiter}pos\n"

    assert read(tmp_path, content) == ["a, b"]
    assert read(tmp_path, f"sep={delimiter}\r\n{content}") == ["a, b"]


def test_columns_without_a_name_get_one(tmp_path: Path) -> None:
    """Spreadsheets write them where a cell was touched once."""
    assert read(tmp_path, "text,label,,\na,pos,,x\n") == ["a"]
