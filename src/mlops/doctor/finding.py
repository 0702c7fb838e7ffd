"""What was looked at, what was found, and what to do about it."""

from typing import NamedTuple

from mlops.core.urls import plain

OK, NOTE, BROKEN = "ok", "note", "NO"


class Finding(NamedTuple):
    """One line of the doctor's table."""

    state: str  # NO: the default work cannot go on
    subject: str
    found: str
    do: str = ""

    def lines(self) -> str:
        """Return the finding for people, what to do on a line of its own."""
        head = f"{self.state:4}  {self.subject:13}  "
        text = f"{head}{self.found}\n" + (f"{'':{len(head)}}-> {self.do}\n" if self.do else "")
        return plain(text)


def ok(subject: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(OK, subject, found)


def note(subject: str, found: str, do: str) -> Finding:
    """Some work is limited by it."""
    return Finding(NOTE, subject, found, do)


def broken(subject: str, found: str, do: str) -> Finding:
    """The default work cannot go on."""
    return Finding(BROKEN, subject, found, do)
