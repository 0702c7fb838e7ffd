"""A section of the results: a Markdown table and what must be known to read it."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Section:
    """One question and its figures."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = field(default_factory=tuple)

    def markdown(self) -> str:
        """Return the section as Markdown."""
        lines = [f"## {self.title}", "", _line(self.head), _line(["---"] * len(self.head))]
        lines += [_line(row) for row in self.rows]
        lines += ["", *(f"- {note}" for note in self.notes)] if self.notes else []
        return "\n".join(lines) + "\n"


def at_most(value: float, limit: float) -> str:
    """Say whether a figure keeps its upper limit."""
    return "yes" if value <= limit else "**no**"


def at_least(value: float, limit: float) -> str:
    """Say whether a figure reaches its lower limit."""
    return "yes" if value >= limit else "**no**"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
