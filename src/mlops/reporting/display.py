"""How figures, texts and trees of counts are written for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_ROWS = 60  # of a table
NOTHING = "-"
SHARES = ("share", "before", "now")
# Names that are read in this order; all others follow in theirs.
ORDER = [
    "train", "val", "test",
    "found", "normalised", "dropped", "not_sampled", "kept", "labels", "words", "chars",
    "change", "previous", "added", "removed", "before", "now", "shift",
    "min", "p5", "p25", "p50", "p75", "p95", "max", "mean", "rows", "share",
]  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A caption, column heads and rows of text."""

    caption: str
    head: list[str]
    rows: list[list[str]]
    left_out: int = 0


def tables(data: Mapping[str, Any]) -> list[Table]:
    """Lay out any tree of counts: what has the same shape side by side, all else as pairs."""
    plain = {name: value for name, value in data.items() if not _is_matrix(value)}
    found = [pairs("overview", flat(plain))] if plain else []
    for name, columns in data.items():
        if _is_matrix(columns):
            leaves = {column: flat(columns[column]) for column in _ordered(columns)}
            paths = list(dict.fromkeys(path for leaf in leaves.values() for path in leaf))
            rows = [
                [path, *(leaf.get(path, NOTHING) for leaf in leaves.values())] for path in paths
            ]
            found.append(_table(name, ["", *leaves], rows))
    return found


def flat(tree: Mapping[str, Any], path: str = "") -> dict[str, str]:
    """Return the leaves of a tree as text, by their paths."""
    leaves: dict[str, str] = {}
    for name in _ordered(tree):
        value = tree[name]
        if isinstance(value, Mapping):
            leaves.update(flat(value, f"{path}{name} / "))
        else:
            leaves[f"{path}{name}"] = _text(value, str(name))
    return leaves


def percent(share: float) -> str:
    """Write a share as a percentage."""
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def points(difference: float) -> str:
    """Write a difference of shares as percentage points; none has no sign."""
    text = f"{100 * difference:+.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def between(low: float, high: float) -> str:
    """Write an interval of shares; nothing where its ends read the same."""
    ends = percent(low), percent(high)
    return "" if ends[0] == ends[1] else " to ".join(ends)


def number(value: float) -> str:
    """Write a count in full, any other number with three decimals."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def clean(text: str, most: int = 400) -> str:
    """Shorten a text, and show control characters, which a page must not hold."""
    shown = "".join(
        c if c.isprintable() or c in "\n\t " else "\N{REPLACEMENT CHARACTER}" for c in text[:most]
    )
    return shown + ("…" if len(text) > most else "")


def _ordered(tree: Mapping[str, Any]) -> list[str]:
    return sorted(tree, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))


def _is_matrix(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and len(value) > 1
        and all(isinstance(column, Mapping) for column in value.values())
    )


def pairs(caption: str, leaves: Mapping[str, str]) -> Table:
    """Lay out names and values below each other."""
    return _table(caption, [], [[name, value] for name, value in leaves.items()])


def _table(caption: str, head: list[str], rows: list[list[str]]) -> Table:
    return Table(caption, head, rows[:MOST_ROWS], max(0, len(rows) - MOST_ROWS))


def _text(value: Any, name: str) -> str:
    if value is None or value == []:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return _fraction(value, name)
    if isinstance(value, list):
        return ", ".join(_text(item, name) for item in value)
    return clean(str(value))


def _fraction(value: float, name: str) -> str:
    if name == "shift":
        return f"{points(value)} points"
    return percent(value) if name in SHARES else f"{value:g}"
