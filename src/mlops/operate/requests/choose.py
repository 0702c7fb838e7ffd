"""Which logged requests people should label: the least certain ones, and the least familiar."""

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Chosen:
    """A row, and why it was chosen."""

    row: Row
    why: str


def choose(rows: list[Row], number: int, known: Collection[str] = ()) -> list[Chosen]:
    """Return up to `number` rows of different texts, none of them known; the same ones each time.

    Half of them are those that the model was least certain of; the rest have the most words that it
    has never seen or, where none has any, a length that differs most from the usual one.
    """
    found = _unlike(rows, set(known))
    certain = sorted(found, key=lambda row: (row["confidence"], _mark(row)))
    chosen = [Chosen(row, "uncertain") for row in certain[: (number + 1) // 2]]
    rest = certain[len(chosen) :]
    strange = sorted(rest, key=_strangeness(found), reverse=True)[: number - len(chosen)]
    return chosen + [
        Chosen(row, "unknown words" if row["unknown_share"] else "unusual length")
        for row in strange
    ]


def _unlike(rows: list[Row], known: set[str]) -> list[Row]:
    """Return the first row of each text that is not known."""
    found: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: (row["time"], _mark(row))):
        if row["text"] is not None and row["text"].strip() not in known:
            found.setdefault(row["text"].strip(), row)
    return list(found.values())


def _strangeness(rows: list[Row]) -> Callable[[Row], tuple[float, float, str]]:
    lengths = sorted(row["chars"] for row in rows)
    usual = max(1, lengths[len(lengths) // 2]) if lengths else 1

    def measure(row: Row) -> tuple[float, float, str]:
        length = max(1, row["chars"])
        return row["unknown_share"] or 0.0, max(length / usual, usual / length), _mark(row)

    return measure


def _mark(row: Row) -> str:
    """Return what orders rows that are otherwise equal: neither by time nor by name."""
    return hashlib.sha256(f"{row['request_id']}/{row['item']}".encode()).hexdigest()
