"""Distances of two samples, each against a library or by hand."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.stats import ks_2samp
from sklearn.metrics import roc_auc_score

from mlops.operate.drift import distances
from mlops.operate.drift.distances import Distance
from mlops.operate.drift.rows import Floats

RNG = np.random.default_rng(3)
OLD, NEW = RNG.integers(0, 9, 40).astype(float), RNG.integers(2, 12, 30).astype(float)


def plain(distance: Distance, old: int, new: int) -> float:
    """Return the distance of the samples as they are."""
    return float(distance(np.ones((1, old)), np.ones((1, new)))[0])


def test_total_variation_is_the_share_that_went_elsewhere() -> None:
    """Of three classes, one of them new."""
    found = distances.total_variation(["a", "a", "b", "b"], ["a", "b", "b", "c"])

    assert plain(found, 4, 4) == pytest.approx(0.25)


def test_kolmogorov_smirnov_is_the_one_of_scipy() -> None:
    """With equal values in both samples."""
    found = plain(distances.kolmogorov_smirnov(OLD, NEW), 40, 30)

    assert found == pytest.approx(ks_2samp(OLD, NEW).statistic)


def test_separation_is_the_area_under_the_curve() -> None:
    """Of scikit-learn, from -1 to 1, with equal scores in both samples."""
    target = [0] * 40 + [1] * 30
    wanted = 2 * roc_auc_score(target, np.concatenate([OLD, NEW])) - 1

    assert plain(distances.separation(OLD, NEW), 40, 30) == pytest.approx(wanted)


def test_other_words_are_one_bit_apart() -> None:
    """And the same words none."""
    one, other = csr_matrix([[3, 0], [1, 0]]), csr_matrix([[0, 2], [0, 5]])

    assert plain(distances.jensen_shannon(one, other), 2, 2) == pytest.approx(1)
    assert plain(distances.jensen_shannon(one, one), 2, 2) == pytest.approx(0)


def test_a_difference_counts_either_way() -> None:
    """Fewer unknown words are drift too."""
    assert plain(distances.difference(NEW, OLD), 30, 40) == pytest.approx(NEW.mean() - OLD.mean())


@pytest.mark.parametrize("name", ["kolmogorov_smirnov", "separation", "difference"])
def test_a_row_that_counts_twice_is_two_rows(name: str) -> None:
    """So that weights are samples."""
    make = getattr(distances, name)
    counts: Floats = RNG.integers(0, 3, (5, 40)).astype(float)
    ones = np.ones((5, 30))
    found = make(OLD, NEW)(counts, ones)
    repeated = [
        plain(make(np.repeat(OLD, one.astype(int)), NEW), int(one.sum()), 30) for one in counts
    ]

    assert found == pytest.approx(repeated)
