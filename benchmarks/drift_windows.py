"""Windows of requests for the benchmark of drift, drawn from answers to real sentences."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mlops.operate.drift.rows import Ints, Rows

Window = Callable[[np.random.Generator, Ints], Rows]  # made of the rows that are left
LIST = 10  # texts of a list request


def pick(pool: Rows, places: Ints) -> Rows:
    """Return some rows, each a request of its own."""
    return joined(pool, places, pool, places[:0])


def joined(pool: Rows, places: Ints, other: Rows, others: Ints) -> Rows:
    """Return rows of two sources, each a request of its own."""
    parts = {name: (getattr(pool, name)[places], getattr(other, name)[others]) for name in ARRAYS}
    texts = [*((pool.texts or ())[n] for n in places), *((other.texts or ())[n] for n in others)]
    arrays = {name: np.concatenate(pair) for name, pair in parts.items()}
    return Rows(**arrays, requests=np.arange(len(texts)), texts=texts)


ARRAYS = ("labels", "confidence", "tokens", "truncated", "unknown")


def plain(pool: Rows, size: int) -> Window:
    """Return windows without drift."""
    return lambda rng, left: pick(pool, rng.choice(left, size, replace=False))


def shifted(pool: Rows, size: int, by: float) -> Window:
    """Return windows of which a larger share is predicted as the last class."""
    last = pool.labels == np.unique(pool.labels)[-1]

    def make(rng: np.random.Generator, left: Ints) -> Rows:
        count = int(rng.binomial(size, min(1.0, last[left].mean() + by)))
        parts = rng.choice(left[last[left]], count), rng.choice(left[~last[left]], size - count)
        return pick(pool, np.concatenate(parts))

    return make


def mixed(pool: Rows, size: int, other: Rows, share: float) -> Window:
    """Return windows of which a share are texts of another source."""
    count = round(size * share)

    def make(rng: np.random.Generator, left: Ints) -> Rows:
        own = rng.choice(left, size - count, replace=False)
        return joined(pool, own, other, rng.choice(len(other), count, replace=False))

    return make


def lists(pool: Rows, size: int, known: bool) -> Window:
    """Return windows without drift of lists of like texts; `known`: which came together."""

    def make(rng: np.random.Generator, left: Ints) -> Rows:
        found = pick(pool, rng.choice(left, size, replace=False))
        alike = np.lexsort((found.confidence, found.labels))[: size // LIST * LIST]
        drawn = rng.integers(0, len(alike) // LIST, len(alike) // LIST)
        rows = pick(found, alike.reshape(-1, LIST)[drawn].ravel())
        return replace(rows, requests=rows.requests // LIST) if known else rows

    return make


def bare(make: Window) -> Window:
    """Return the same windows from a log that keeps no texts."""
    return lambda rng, left: replace(make(rng, left), texts=None)
