"""Recognise by its first bytes what a file named CSV, TSV or JSONL really is."""

MARKS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xfe\0\0", "UTF-32; convert it, e.g. with iconv -f UTF-32 -t UTF-8"),
    (b"\0\0\xfe\xff", "UTF-32; convert it, e.g. with iconv -f UTF-32 -t UTF-8"),
    (b"\xff\xfe", "UTF-16; convert it, e.g. with iconv -f UTF-16 -t UTF-8"),
    (b"\xfe\xff", "UTF-16; convert it, e.g. with iconv -f UTF-16 -t UTF-8"),
    (b"\x1f\x8b", "packed with gzip; unpack it, or let its name end with .gz"),
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook; unpack it, or save it as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook (.xls); save it as CSV UTF-8"),
    (b"BZh", "packed with bzip2; unpack it, or pack it with gzip"),
    (b"\xfd7zXZ\0", "packed with xz; unpack it, or pack it with gzip"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd; unpack it, or pack it with gzip"),
    (b"PAR1", "Parquet; let its name end with .parquet"),
    (b"ARROW1", "an Arrow file; write it as Parquet"),
    (b"SQLite format 3\0", "an SQLite database; write its rows as CSV"),
    (b"version https://git-lfs", "a pointer of Git LFS; get the file itself with git lfs pull"),
    (b"<!doctype html", "a web page; download the file itself"),
    (b"<html", "a web page; download the file itself"),
    (b"{\\rtf", "a text document (RTF); save it as plain text"),
)  # fmt: skip
LENGTH = 256


def kind(begin: bytes) -> str | None:
    """Return what such a file is and what to do; None where it may be text."""
    for mark, found in MARKS:
        if begin[: len(mark)].lower() == mark.lower():
            return found
    # Letters with a zero byte between them: the same without a byte order mark.
    for order, zeros in (("LE", begin[1::2]), ("BE", begin[::2])):
        if len(begin) > 3 and not zeros.strip(b"\0"):
            return f"UTF-16; convert it, e.g. with iconv -f UTF-16{order} -t UTF-8"
    return None
