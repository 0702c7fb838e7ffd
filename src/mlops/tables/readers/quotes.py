"""Watch the bytes of a CSV or TSV while Arrow reads them: count the records, doubt the quotes.

Arrow takes any quote at the beginning of a value for an opening one, and all up to the next for the
value, however many rows lie in between. What it may have misread is found here, from the bytes
alone; mlops.tables.readers.doubts then finds the row.
"""

import re
from typing import IO

import numpy as np

from mlops.tables.readers.dialect import Dialect

LF, CR = b"\n\r"
BOM = b"\xef\xbb\xbf"
LONG = 1 << 16  # bytes of a line that are looked at, before a value and behind it
MOST = 10_000  # different labels to look for


class Quotes:
    """A file to read from, and what has been seen of it so far."""

    def __init__(self, file: IO[bytes], dialect: Dialect, columns: int, label: int | None) -> None:
        self.records = 0  # lines that are not blank, without those inside values
        self.broken = False  # a quote is not closed, or closed before its value ends
        self.mixed = False  # quotes around values that need none, and bare ones inside others
        self.candidates: set[bytes] = set()  # what would be labels if lines in values were rows
        self._file, self._columns = file, columns
        self._label = label if dialect.quoting == "auto" else None
        self._quoting = dialect.quoting
        self._delimiter = mark = dialect.delimiter.encode()
        outside = rb"(?:[^\"]++|(?<![%s\r\n])\"|" % mark
        one_line = rb"\"[^\"\r\n]*+(?:\"\"[^\"\r\n]*+)*+\"(?=[%s\r\n]))*+" % mark
        self._plain = re.compile(outside + one_line)
        self._value = re.compile(rb'"[^"]*+(?:""[^"]*+)*+"')
        signs = {
            "bare": rb'"(?<=[%s\r\n]")[^"%s\r\n]++"(?=[%s\r\n])',
            "stray": rb'"(?<=[^%s\r\n"]")(?=[^%s\r\n"])',
            "needed": rb'""(?<=[^%s\r\n]"")|""(?=[^%s\r\n])'
            rb'|"(?<=[%s\r\n]")[^"%s\r\n]*+%s[^"\r\n]*+"',
        }
        self._signs = {name: re.compile(sign.replace(b"%s", mark)) for name, sign in signs.items()}
        self._seen: set[str] = set()
        self._begun = False
        self._rest = b"\n"  # the last byte that was looked at, and those after it
        self._prefix = 0  # delimiters before it in its line
        self._open = False  # whether the last record has no end yet
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        chunk = self._file.read(size)
        if chunk:
            # The mark at the beginning of a file stands before no value.
            seen = chunk if self._begun else chunk.removeprefix(BOM)
            self._begun = True
            self._look(self._rest + seen, last=False)
        return chunk

    def finish(self) -> None:
        """Decide what the end of the file leaves open."""
        self._look(self._rest, last=True)
        self.records += self._open
        mixed = {"bare", "stray"} <= self._seen and "needed" not in self._seen
        self.mixed = mixed and self._quoting == "auto"

    def _look(self, data: bytes, last: bool) -> None:
        plain = self._quoting == "none" or self.broken or b'"' not in data
        at = len(data) if plain else self._values(data, last)
        self.records += _records(data, at, self._open)
        if at > 1:
            self._open = data[at - 1 : at] not in (b"\r", b"\n")
        self._prefix = self._before(data, at)
        self._rest = data[at - 1 :]

    def _values(self, data: bytes, last: bool) -> int:
        """Go from value to value; return where the next look has to begin."""
        for name in self._signs.keys() - self._seen:
            if self._signs[name].search(data):
                self._seen.add(name)
        at = 1
        while (at := self._after_plain(data, at)) < len(data):
            value = self._value.match(data, at)
            end = value.end() if value else len(data)
            if not last and end == len(data):  # it may go on
                return at
            if not value or data[end : end + 1] not in (self._delimiter, b"\r", b"\n", b""):
                self.broken = True
                return len(data)
            self._inside(data, at, end)
            at = end
        return at

    def _after_plain(self, data: bytes, at: int) -> int:
        found = self._plain.match(data, at)
        return found.end() if found else at

    def _inside(self, data: bytes, at: int, end: int) -> None:
        """Take the lines of a value for no records; note the labels they had if they were."""
        lines = data[at + 1 : end].splitlines()
        if len(lines) == 1:
            return
        self.records -= len(lines) - 1 - lines[1:-1].count(b"")
        self._seen.add("needed")
        if self._label is None or len(self.candidates) > MOST:
            return
        mark, between = self._delimiter, self._columns - 1
        for line in lines[1:-1]:
            if line.count(mark) == between:
                self.candidates.add(line.split(mark)[self._label])
        # Of the first and the last line a part stands outside; it has its label in either reading.
        first, last = lines[0].split(mark), lines[-1].split(mark)
        if len(first) > 1 and (before := self._before(data, at)) + len(first) - 1 == between:
            self.candidates.update(
                first[self._label - before :][:1] if before < self._label else ()
            )
        if self._label < len(last) - 1:
            stop = data.find(b"\n", end, end + LONG)
            behind = data.count(mark, end, stop if stop >= 0 else len(data))
            self.candidates.update([last[self._label]] if len(last) - 1 + behind == between else ())

    def _before(self, data: bytes, at: int) -> int:
        """Count the delimiters before a place in its line."""
        window = max(1, at - LONG)
        start = max(data.rfind(b"\n", window - 1, at), data.rfind(b"\r", window - 1, at)) + 1
        found = data.count(self._delimiter, max(start, 1), at)
        return found if start else found + self._prefix


def _records(data: bytes, end: int, begun: bool) -> int:
    """Count the lines that end behind the first byte, blank ones apart; `begun`: one is open."""
    if b"\r" not in data and b"\n\n" not in data:
        return data.count(b"\n", 1, end) - (data[1:2] == b"\n" and not begun)
    codes = np.frombuffer(data, np.uint8, end - 1, 1)
    ends = (codes == LF) | (codes == CR)
    return int(np.count_nonzero(ends[1:] & ~ends[:-1])) + int(ends[:1].any() and begun)
