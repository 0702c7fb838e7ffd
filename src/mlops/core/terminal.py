"""What is shown to whoever watches: colour and a bar on a terminal, plain lines in a log.

Reads: NO_COLOR, FORCE_COLOR, TERM
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TextIO, TypeVar

log = logging.getLogger(__name__)
T = TypeVar("T")

CODES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33}
SECONDS = 5.0  # a loop that takes longer shows how far it is
TENTHS = 10
DELAY = 1.0  # of a bar
# Set by `make train` for a stage, whose lines are indented below its name.
STAGE = "MLOPS_STAGE"


def watched(stream: TextIO) -> bool:
    """Return whether somebody looks at a stream rather than a file or a pipe."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str, stream: TextIO | None = None) -> str:
    """Return a text in a colour where its stream (stderr) takes any: no-color.org, force-color.org.

    NO_COLOR wins.
    """
    forced = os.environ.get("FORCE_COLOR", "0") not in ("", "0")
    if os.environ.get("NO_COLOR") or not (forced or watched(stream or sys.stderr)):
        return text
    return f"\033[{CODES[colour]}m{text}\033[0m"


def mark(line: str) -> str:
    """Return a line of a table on stdout with the word that it begins with in its colour."""
    word, blank, rest = line.partition(" ")
    colour = {"ok": "green", "note": "yellow", "NO": "red"}.get(word)
    return paint(word, colour, sys.stdout) + blank + rest if colour else line


def margin() -> str:
    """Return what a line of a stage begins with."""
    return "  " if os.environ.get(STAGE) else ""


def write(text: str) -> None:
    """Write a line to stderr, above the bar where there is one."""
    bars = sys.modules.get("tqdm")
    if bars is None:
        sys.stderr.write(f"{text}\n")
    else:
        bars.tqdm.write(text, file=sys.stderr)
    sys.stderr.flush()


class Handler(logging.Handler):
    """Writes what is logged to stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        try:
            write(self.format(record))
        except Exception:
            self.handleError(record)


class Progress(Protocol):
    """How far a loop is."""

    def reach(self, done: int, note: str = "") -> None:
        """Show that so many steps are done."""

    def close(self) -> None:
        """Show nothing any more."""


class Bar:
    """A bar on a terminal, which goes away at the end."""

    def __init__(self, what: str, total: int, done: int) -> None:
        from tqdm import tqdm  # noqa: PLC0415  only where a bar is shown

        form = "{desc} {percentage:3.0f}% |{bar:30}| {n_fmt}/{total_fmt}, {remaining} left{postfix}"
        self._bar: Any = tqdm(
            desc=f"{margin()}{what}", total=total or None, initial=done, leave=False,
            bar_format=form if total else "{desc}: {n_fmt}", file=sys.stderr, delay=DELAY,
        )  # fmt: skip

    def reach(self, done: int, note: str = "") -> None:
        """Move the bar."""
        if note:
            self._bar.set_postfix_str(note, refresh=False)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Remove the bar."""
        self._bar.close()


class Lines:
    """A line for each tenth of the way, once a loop has lasted some seconds."""

    def __init__(self, what: str, total: int, done: int) -> None:
        self.what, self.total, self.first = what, total, done
        self.start, self.next = time.monotonic(), SECONDS
        self.tenth = TENTHS * done // total if total else 0

    def reach(self, done: int, note: str = "") -> None:
        """Say so at each tenth, or each time that the seconds have doubled."""
        spent = time.monotonic() - self.start
        if spent < self.next:
            return
        note = f", {note}" if note else ""
        if not self.total:
            self.next = 2 * spent
            log.info("%s: %s in %.0f s%s", self.what, f"{done:,}", spent, note)
        elif TENTHS * done // self.total > self.tenth and done < self.total:
            self.tenth = TENTHS * done // self.total
            left = spent / (done - self.first) * (self.total - done)
            at = f"{done:,} of {self.total:,} ({100 * done // self.total} %)"
            log.info("%s: %s%s, %.0f s left", self.what, at, note, left)

    def close(self) -> None:
        """Leave the lines where they are."""


def progress(what: str, total: int, done: int = 0) -> Progress:
    """Return what shows how far a loop of so many steps is; `done` of them are before the start."""
    kind: Callable[[str, int, int], Progress] = Bar if watched(sys.stderr) else Lines
    return kind(what, total, done)


def follow(items: Iterable[T], size: Callable[[T], int], total: int, what: str) -> Iterator[T]:
    """Give items one by one, and show how far that is; where `total` is 0 nobody knows it."""
    shown, done = progress(what, total), 0
    try:
        for item in items:
            yield item
            done += size(item)
            shown.reach(done)
    finally:
        shown.close()


def slices(total: int, size: int, what: str) -> Iterator[slice]:
    """Cut a loop over so many things into slices, and show how far it is."""
    found = (slice(start, min(start + size, total)) for start in range(0, total, size))
    return follow(found, lambda one: int(one.stop - one.start), total, what)
