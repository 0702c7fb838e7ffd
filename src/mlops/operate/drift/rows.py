"""Rows that are compared: what a model answered, and to which request each answer belongs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
COLUMNS = ("label", "confidence", "tokens", "truncated", "unknown_share")
PLACES = 4  # digits of a probability: the next ones differ between machines, and are no distance
MOST = 5_000  # rows of a window that are compared; the reference has no more either


@dataclass(frozen=True)
class Rows:
    """Answers of one model; those of one request may be alike, so they are drawn together."""

    labels: NDArray[np.str_]
    confidence: Floats
    tokens: Floats
    truncated: Floats
    unknown: Floats
    requests: Ints  # the number of its request, for each row
    texts: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def groups(self) -> int:
        """Return how many requests there are."""
        return int(self.requests.max()) + 1 if len(self) else 0


def from_table(table: pa.Table) -> Rows:
    """Return the rows of a table of the request log; without request ids each row is a request."""
    columns = {name: table[name].to_numpy(zero_copy_only=False) for name in COLUMNS}
    return Rows(
        labels=columns["label"].astype(str),
        confidence=columns["confidence"].astype(float).round(PLACES),
        tokens=columns["tokens"].astype(float),
        truncated=columns["truncated"].astype(float),
        unknown=columns["unknown_share"].astype(float),
        requests=_requests(table),
        texts=_texts(table),
    )


def cap(table: pa.Table, most: int = MOST) -> pa.Table:
    """Return whole requests of a table, drawn so that they are just enough for so many rows."""
    requests = _requests(table)
    if len(requests) <= most:
        return table
    sizes = np.bincount(requests)
    drawn = np.random.default_rng(0).permutation(len(sizes))
    kept = drawn[np.cumsum(sizes[drawn]) <= most]
    return table.filter(pa.array(np.isin(requests, kept)))


def _requests(table: pa.Table) -> Ints:
    if "request_id" not in table.column_names:
        return np.arange(table.num_rows)
    ids = table["request_id"].to_numpy(zero_copy_only=False).astype(str)
    return np.unique(ids, return_inverse=True)[1].astype(np.int64)


def _texts(table: pa.Table) -> list[str] | None:
    """Return the texts; None where the log has kept none of them, or not all."""
    if "text" not in table.column_names or table["text"].null_count:
        return None
    texts: list[str] = table["text"].to_pylist()
    return texts or None
