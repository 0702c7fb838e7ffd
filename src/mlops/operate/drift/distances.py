"""Distances of two samples, for many weightings of their rows at once.

A weighting [samples, rows] says how often each row counts; all ones is the sample as it is. So one
function gives the distance and what it would be in other samples.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mlops.operate.drift.rows import Floats

Distance = Callable[[Floats, Floats], Floats]  # of weights of the reference and of the window


def total_variation(reference: Sequence[str], window: Sequence[str]) -> Distance:
    """Return half the sum of the differences in the shares of values."""
    names = np.array(sorted({*reference, *window}))
    columns = (np.array(values)[:, None] == names for values in (reference, window))
    before, after = (column.astype(float) for column in columns)
    return lambda old, new: np.abs(_means(before, old) - _means(after, new)).sum(axis=1) / 2


def kolmogorov_smirnov(reference: Floats, window: Floats) -> Distance:
    """Return the largest gap between the distribution functions."""
    order, last = _ordered(reference, window)

    def distance(old: Floats, new: Floats) -> Floats:
        signed = np.concatenate([_normed(old), -_normed(new)], axis=1)[:, order]
        return np.asarray(np.abs(np.cumsum(signed, axis=1)[:, last]).max(axis=1))

    return distance


def difference(reference: Floats, window: Floats) -> Distance:
    """Return by how much the means differ, either way."""
    before, after = reference[:, None], window[:, None]
    return lambda old, new: np.abs(_means(before, old) - _means(after, new))[:, 0]


def jensen_shannon(reference: Any, window: Any) -> Distance:
    """Return the divergence, in bits, of the words in two sparse tables [rows, words] of counts."""
    before, after = reference.T.tocsr(), window.T.tocsr()

    def distance(old: Floats, new: Floats) -> Floats:
        p, q = (_normed(np.asarray(table @ w.T).T) for table, w in ((before, old), (after, new)))
        middle = (p + q) / 2
        return (_divergence(p, middle) + _divergence(q, middle)) / 2

    return distance


def separation(reference: Floats, window: Floats) -> Distance:
    """Return 2 AUC - 1 of scores that should be higher in the window: 0 where they say nothing."""
    order, last = _ordered(reference, window)
    # Rows of one score stand half before each other.
    tie = np.searchsorted(last, np.arange(len(order)))

    def distance(old: Floats, new: Floats) -> Floats:
        zeros_old, zeros_new = np.zeros_like(new), np.zeros_like(old)
        before = np.concatenate([_normed(old), zeros_old], axis=1)[:, order]
        after = np.concatenate([zeros_new, _normed(new)], axis=1)[:, order]
        ends = np.cumsum(before, axis=1)[:, last]
        middles = (ends + np.concatenate([np.zeros((len(old), 1)), ends[:, :-1]], axis=1)) / 2
        return np.asarray(2 * (after * middles[:, tie]).sum(axis=1) - 1)

    return distance


def _ordered(reference: Floats, window: Floats) -> tuple[Any, Any]:
    """Return how all values are sorted, and the places where the last of each value stands."""
    values = np.concatenate([reference, window])
    order = np.argsort(values, kind="stable")
    last = np.flatnonzero(np.append(np.diff(values[order]) > 0, True))
    return order, last


def _normed(weights: Floats) -> Floats:
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _means(values: Floats, weights: Floats) -> Floats:
    return _normed(weights) @ values


def _divergence(p: Floats, middle: Floats) -> Floats:
    """Return the Kullback-Leibler divergence by row, in bits."""
    ratio = np.divide(p, middle, out=np.ones_like(p), where=p > 0)
    return np.asarray((p * np.log2(ratio)).sum(axis=1))
