"""Rules of mlops.evaluation.intervals."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.config import Params
from mlops.config.schema import Evaluate
from mlops.evaluation import intervals, metrics


@pytest.fixture(name="config")
def _config(make_params: Callable[..., Params]) -> Evaluate:
    return make_params(evaluate={"resamples": 1000, "confidence": 0.95}).evaluate


def test_the_bootstrap_is_that_of_drawing_rows(config: Evaluate) -> None:
    """Resampling the cells of the matrix gives the intervals of resampling rows."""
    random = np.random.default_rng(3)
    actual = random.integers(0, 3, 400)
    predicted = np.where(random.random(400) < 0.7, actual, random.integers(0, 3, 400))
    drawn = random.integers(0, 400, (2000, 400))
    slow = np.quantile((actual == predicted)[drawn].mean(axis=1), [0.025, 0.975])

    found = intervals.bootstrap(metrics.confusion(actual, predicted, 3), config)

    assert [found["accuracy_low"], found["accuracy_high"]] == pytest.approx(slow, abs=0.006)


EVALUATE = Evaluate(
    calibration_bins=15, confidence=0.999, resamples=400, length_slices=[], slice_columns=[],
    min_slice_rows=1, worst_errors=0, behaviour=[],
)  # fmt: skip


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(0, 40), min_size=4, max_size=4), min_size=4, max_size=4))
def test_an_interval_holds_its_figure(cells: list[list[int]]) -> None:
    """Accuracy and macro F1 lie within what resampling can give, classes absent or not."""
    matrix = np.array(cells)
    matrix[0, 0] += 1
    predicted = np.repeat(np.tile(np.arange(4), 4), matrix.ravel())
    actual = np.repeat(np.arange(4), matrix.sum(axis=1))

    found = intervals.bootstrap(metrics.confusion(actual, predicted, 4), EVALUATE)

    assert found["accuracy_low"] <= np.trace(matrix) / matrix.sum() <= found["accuracy_high"]
    assert 0 <= found["macro_f1_low"] <= found["macro_f1_high"] <= 1


def test_equal_predictions_have_equal_intervals(config: Evaluate) -> None:
    """The resampling is seeded."""
    matrix = np.array([[50, 7], [9, 40]])

    assert intervals.bootstrap(matrix, config) == intervals.bootstrap(matrix, config)


def test_a_thousand_resamples_of_5000_rows_take_no_time(config: Evaluate) -> None:
    """The bootstrap is far below 2 s, also with many classes."""
    random = np.random.default_rng(0)
    matrix = metrics.confusion(random.integers(0, 50, 5000), random.integers(0, 50, 5000), 50)
    start = time.process_time()

    intervals.bootstrap(matrix, config)

    assert time.process_time() - start < 2


def test_a_lead_is_judged_on_the_same_rows(config: Evaluate) -> None:
    """Two models that differ in few rows, always for the better, differ for sure."""
    theirs = np.arange(1000) % 4 != 0
    ours = theirs | (np.arange(1000) < 100)

    found = intervals.lead(ours, theirs, config)

    assert found["lead"] == 0.025
    assert 0 < found["lead_low"] < 0.025 < found["lead_high"]


def test_a_lead_is_what_is_won_less_what_is_lost(config: Evaluate) -> None:
    """Right where the other is wrong 3 times, wrong where it is right once: 2 of 10."""
    ours = np.array([1, 1, 1, 0, 1, 1, 1, 1, 0, 0], dtype=bool)
    theirs = np.array([0, 0, 0, 1, 1, 1, 1, 1, 0, 0], dtype=bool)

    assert intervals.lead(ours, theirs, config)["lead"] == 0.2


def test_a_lead_over_itself_is_nothing(config: Evaluate) -> None:
    """A model does not differ from itself."""
    ours = np.arange(100) % 3 == 0

    assert set(intervals.lead(ours, ours, config).values()) == {0}


@pytest.mark.parametrize(("hits", "rows"), [(0, 1), (1, 1), (20, 20), (3, 7), (500, 1000)])
def test_a_share_of_few_rows_is_never_certain(hits: int, rows: int) -> None:
    """Wilson's interval has a width even where all rows are right, and stays within 0 and 1."""
    found: dict[str, Any] = intervals.wilson(hits, rows, 0.95)

    assert 0 <= found["accuracy_low"] <= hits / rows <= found["accuracy_high"] <= 1
    assert found["accuracy_high"] - found["accuracy_low"] > 0.05


def test_wilson_is_as_published() -> None:
    """81 of 263, 95 %: 0.2553 to 0.3662 (Newcombe, 1998)."""
    found = intervals.wilson(81, 263, 0.95)

    assert found == pytest.approx({"accuracy_low": 0.2553, "accuracy_high": 0.3662}, abs=1e-4)
