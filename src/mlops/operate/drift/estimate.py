"""How far each statistic of a window is from the reference, and how sure that is.

Requests are drawn again, with all their rows, from both samples (cluster bootstrap): a list of
alike texts counts as the one request that it is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import vstack

from mlops.operate.drift import words
from mlops.operate.drift.distances import (
    Distance,
    difference,
    jensen_shannon,
    kolmogorov_smirnov,
    separation,
    total_variation,
)
from mlops.operate.drift.rows import Floats, Ints, Rows

RESAMPLES, PERMUTATIONS = 200, 50
NUMBERS: dict[str, Callable[[Rows, Rows], Distance]] = {
    "predicted_class": lambda old, new: total_variation(old.labels.tolist(), new.labels.tolist()),
    "confidence": lambda old, new: kolmogorov_smirnov(old.confidence, new.confidence),
    "length": lambda old, new: kolmogorov_smirnov(old.tokens, new.tokens),
    "truncated": lambda old, new: difference(old.truncated, new.truncated),
    "unknown_words": lambda old, new: difference(old.unknown, new.unknown),
}
TEXTS = ("vocabulary", "embedding")


@dataclass(frozen=True)
class Estimate:
    """A distance less what chance adds to it, and its standard error."""

    distance: float
    error: float


@dataclass(frozen=True)
class Estimates:
    """What is known of each statistic, why nothing of some, and the words that moved."""

    known: dict[str, Estimate]
    unavailable: dict[str, str]
    moved: list[words.Moved]


def estimate(reference: Rows, window: Rows) -> Estimates:
    """Compare two samples by all statistics that they allow."""
    requests = reference.requests, window.requests
    known = {name: bootstrap(make(reference, window), *requests) for name, make in NUMBERS.items()}
    if window.texts is None:
        why = "the log holds no texts, or not those of all requests (request_log.texts)"
        return Estimates(known, dict.fromkeys(TEXTS, why), [])
    old, new, names = words.count(reference, window)
    if len(names) < 2:
        return Estimates(known, dict.fromkeys(TEXTS, "the texts have no two words"), [])
    # Most words are rare: two samples of the same texts differ by far more than nothing.
    chance = shuffled(old, new, *requests)
    known["vocabulary"] = bootstrap(jensen_shannon(old, new), *requests, chance)
    known["embedding"] = embedding(reference, window)
    # A word of a list of alike texts has come once.
    one, other = (np.unique(one, return_index=True)[1] for one in requests)
    return Estimates(known, {}, words.moved(old[one], new[other], names))


def bootstrap(distance: Distance, old: Ints, new: Ints, chance: float | None = None) -> Estimate:
    """Return a distance and its error, from the request of each row.

    What chance adds to the distance of two samples, drawing them again adds once more.
    """
    rng = np.random.default_rng(0)
    plain = float(distance(np.ones((1, len(old))), np.ones((1, len(new))))[0])
    again = distance(draw(rng, old), draw(rng, new))
    added = float(again.mean()) - plain if chance is None else chance
    return Estimate(max(0.0, plain - added), float(again.std(ddof=1)))


def draw(rng: np.random.Generator, requests: Ints) -> Floats:
    """Return how often each row counts in samples of as many requests, drawn with replacement."""
    groups = int(requests.max()) + 1
    counts = rng.multinomial(groups, np.full(groups, 1 / groups), size=RESAMPLES)
    return np.asarray(counts[:, requests], dtype=float)


def shuffled(old: Any, new: Any, before: Ints, after: Ints) -> float:
    """Return the mean divergence of the words where requests are dealt to the sides at random."""
    rng = np.random.default_rng(0)
    table = vstack([old, new]).tocsr()
    first = int(before.max()) + 1
    requests = np.concatenate([before, after + first])
    groups = int(requests.max()) + 1
    dealt = np.array([rng.permutation(groups) for _ in range(PERMUTATIONS)])
    side = (dealt < first)[:, requests].astype(float)
    return float(jensen_shannon(table, table)(side, 1 - side).mean())


def embedding(reference: Rows, window: Rows) -> Estimate:
    """Return how well a classifier separates the texts of the window from the others."""
    old, new, before, after = words.score(reference, window)
    requests = (_numbered(reference.requests[old]), _numbered(window.requests[new]))
    return bootstrap(separation(before, after), *requests, 0.0)


def _numbered(requests: Ints) -> Ints:
    return np.unique(requests, return_inverse=True)[1].astype(np.int64)
