"""How far a figure may be off by the luck of the test rows."""

from collections.abc import Iterator
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from mlops.config.schema import Evaluate
from mlops.evaluation.metrics import Floats, Ints, macro_f1

SEED = 0  # the same predictions have the same intervals
CELLS = 5_000_000  # of resampled tables held at once: 40 MB


def bootstrap(matrix: Ints, config: Evaluate) -> dict[str, float]:
    """Return percentile bootstrap intervals of accuracy and macro F1 from a confusion matrix.

    Rows drawn with replacement fall into its cells as a multinomial draw: a resample costs as
    much as there are cells, however many rows there are, and nothing is approximated.
    """
    down, across = matrix.nonzero()
    cells = matrix[down, across]
    by_actual, by_predicted = _sums(down, len(matrix)), _sums(across, len(matrix))
    accuracy, f1 = [], []
    for drawn in _resamples(cells, config.resamples):
        hits = drawn * (down == across)
        accuracy.append(hits.sum(axis=1) / cells.sum())
        f1.append(macro_f1(hits @ by_actual, drawn @ by_actual, drawn @ by_predicted))
    return {
        **_percentiles("accuracy", np.concatenate(accuracy), config.confidence),
        **_percentiles("macro_f1", np.concatenate(f1), config.confidence),
    }


def lead(ours: NDArray[np.bool_], theirs: NDArray[np.bool_], config: Evaluate) -> dict[str, float]:
    """Return the difference in accuracy on the same rows, and its bootstrap interval."""
    cells = np.array([(ours & ~theirs).sum(), (~ours & theirs).sum(), (ours == theirs).sum()])
    drawn = np.concatenate(list(_resamples(cells, config.resamples)))
    leads = (drawn[:, 0] - drawn[:, 1]) / len(ours)
    mean = float((cells[0] - cells[1]) / len(ours))
    return {"lead": mean, **_percentiles("lead", leads, config.confidence)}


def wilson(hits: int, rows: int, confidence: float) -> dict[str, float]:
    """Return the Wilson interval of a share: sound also for the few rows of a slice."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = hits / rows
    middle = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z * (share * (1 - share) / rows + z**2 / (4 * rows**2)) ** 0.5 / (1 + z**2 / rows)
    return {"accuracy_low": max(0.0, middle - half), "accuracy_high": min(1.0, middle + half)}


def _sums(key: NDArray[np.intp], classes: int) -> csr_array:
    # cells @ this = the cells summed by class; sparse, for there may be thousands of classes
    ones = np.ones(len(key), dtype=np.int64)
    return csr_array((ones, (np.arange(len(key)), key)), shape=(len(key), classes))


def _resamples(cells: Ints, count: int) -> Iterator[Ints]:
    random = np.random.default_rng(SEED)
    size = max(1, CELLS // len(cells))
    for start in range(0, count, size):
        yield random.multinomial(
            int(cells.sum()), cells / cells.sum(), size=min(size, count - start)
        )


def _percentiles(name: str, values: Floats, confidence: float) -> dict[str, float]:
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return {f"{name}_low": float(low), f"{name}_high": float(high)}
