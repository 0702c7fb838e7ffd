"""Rules of mlops.tables.readers.delimited."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from mlops.core.errors import DataError
from mlops.tables.readers import delimited, shards
from mlops.tables.readers.delimited import Delimited


def rows(
    folder: Path, content: bytes, name: str = "a.csv", needed: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    """Write a file and read it."""
    (folder / name).write_bytes(content)
    [shard] = shards.find(str(folder / name), needed)
    reader = Delimited("\t" if ".tsv" in name else ",")
    schema = reader.schema(shard)
    return [row for batch in reader.batches(shard, schema) for row in batch.to_pylist()]


def test_what_spreadsheets_write_works(tmp_path: Path) -> None:
    """A byte order mark, CRLF, quotes, and line ends inside quotes are ordinary."""
    content = '\ufefftext,label\r\n"a\r\nb, ""c""",1\r\nd,\r\n'.encode()

    assert rows(tmp_path, content) == [
        {"text": 'a\r\nb, "c"', "label": "1"},
        {"text": "d", "label": ""},
    ]


def test_a_line_end_in_quotes_may_fall_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the reader cuts the file into blocks."""
    monkeypatch.setattr(delimited, "BLOCK", 1 << 10)
    for shift in range(9):
        content = b"text,label\n" + b"x" * shift + b",0\n" + b'"a\nb",1\n' * 400

        assert rows(tmp_path, content)[1:] == [{"text": "a\nb", "label": "1"}] * 400


def test_all_columns_are_text(tmp_path: Path) -> None:
    """007 is no 7, NA is no null, and 1.50 keeps its nought."""
    content = b"text,label,stars\nNA,007,1.50\nnull,true,\n"

    assert [list(row.values()) for row in rows(tmp_path, content)] == [
        ["NA", "007", "1.50"],
        ["null", "true", ""],
    ]


def test_tsv_and_gzip_work(tmp_path: Path) -> None:
    """The name tells the delimiter and the packing."""
    packed = gzip.compress(b"text\tlabel\na, b\t1\n")

    assert rows(tmp_path, packed, "a.tsv.gz") == [{"text": "a, b", "label": "1"}]


@pytest.mark.parametrize("content", [b"text,label", b"text,label\n", b"\xef\xbb\xbftext,label\r\n"])
def test_a_header_alone_has_no_rows(tmp_path: Path, content: bytes) -> None:
    """It is no error here: another shard may have rows."""
    assert rows(tmp_path, content) == []


def test_a_row_with_too_many_values_is_shown(tmp_path: Path) -> None:
    """Most often a comma is not quoted."""
    with pytest.raises(
        DataError, match=r"a\.csv, row 3 \(the header is row 1\): expected 2 values"
    ):
        rows(tmp_path, b"text,label\na,1\nb, or c,2\n")


def test_a_quote_that_is_never_closed_is_told(tmp_path: Path) -> None:
    """It swallows the rest of the file."""
    with pytest.raises(DataError, match=r"row 3 .*a quote is never closed; close it"):
        rows(tmp_path, b'text,label\na,1\n"b,2\nc,3\n')


def test_a_row_that_is_longer_than_a_block_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quote that is open in a large file ends here."""
    monkeypatch.setattr(delimited, "BLOCK", 1 << 10)

    with pytest.raises(DataError, match=r"a\.csv: a row is longer than .* never closed"):
        rows(tmp_path, b"text,label\na,1\n" + b"x" * 5000 + b",2\n")


def test_a_text_of_10_mb_is_read(tmp_path: Path) -> None:
    """Whether it is too long is for prepare to say."""
    [row] = rows(tmp_path, b"text,label\n" + b"x" * 10_000_000 + b",1\n")

    assert len(row["text"]) == 10_000_000


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"text,label\n" + b"a,1\n" * 30_000 + b"caf\xe9,2\n", "line 30002, byte 4"),
        (b"t\xe9xt,label\na,1\n", "line 1, byte 2"),
    ],
)
def test_another_encoding_is_found(tmp_path: Path, content: bytes, place: str) -> None:
    """The error names the line and the byte."""
    with pytest.raises(DataError, match=rf"a\.csv, {place} of the line: not UTF-8"):
        rows(tmp_path, content)


def test_a_file_that_is_partly_utf8_is_not_to_be_converted(tmp_path: Path) -> None:
    """Converting it as a whole would garble the lines that are right."""
    with pytest.raises(DataError, match=r"line 2, byte 4 .*correct that line; 1 others are UTF-8"):
        rows(tmp_path, b"text,label\ncaf\xe9,1\n" + "café,2\n".encode())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("text,label\na,1\n".encode("utf-16"), "iconv -f UTF-16 -t"),
        ("text,label\na,1\n".encode("utf-16-le"), "iconv -f UTF-16LE"),
        ("text,label\na,1\n".encode("utf-16-be"), "iconv -f UTF-16BE"),
        ("text,label\na,1\n".encode("utf-32"), "iconv -f UTF-32"),
        (gzip.compress(b"text,label\na,1\n"), r"its name end with \.gz"),
        (b"PK\x03\x04...", "Excel workbook"),
        (b"<!DOCTYPE html>\n<html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    ],
)
def test_what_a_file_is_instead_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    """The first bytes tell it, and the way from there."""
    for name in ("a.csv", "a.tsv.gz"):
        with pytest.raises(DataError, match=rf"{name} is .*{told}"):
            rows(tmp_path, gzip.compress(content) if name.endswith("gz") else content, name)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_files_joined_with_their_headers_are_told(tmp_path: Path, mark: str) -> None:
    """Else there would be a class called label."""
    part = f"{mark}text,label\na,1\nb,2\n"

    with pytest.raises(DataError, match=r"row 4 .*header is repeated here"):
        rows(tmp_path, f"{part}{part}".encode(), needed=("text", "label"))


def test_nul_bytes_are_kept(tmp_path: Path) -> None:
    """They are for prepare to remove or to refuse."""
    assert rows(tmp_path, b"text,label\na\x00b,1\n") == [{"text": "a\x00b", "label": "1"}]


def test_a_file_that_is_cut_or_not_packed_is_told(tmp_path: Path) -> None:
    """A broken transfer is no traceback."""
    whole = gzip.compress(b"text,label\n" + bytes(range(48, 58)) * 9999 + b",1\n")
    for content in (whole[:40], b"text,label\na,1\n"):
        with pytest.raises(DataError, match=r"a\.csv\.gz cannot be read .* is it complete"):
            rows(tmp_path, content, "a.csv.gz")


def test_a_first_row_that_is_no_header_is_told(tmp_path: Path) -> None:
    """A file without a header may begin with a long text."""
    with pytest.raises(DataError, match="the first row is no header"):
        rows(tmp_path, b"x" * 200_000 + b",1\n")
