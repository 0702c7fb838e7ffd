"""Rules of mlops.evaluation.metrics."""

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn import metrics as sklearn_metrics

from cases import cases, random_case
from mlops.core.errors import ModelError
from mlops.evaluation import metrics
from mlops.evaluation.metrics import Floats, Ints


@settings(max_examples=30)
@given(cases)
def test_curves_lie_on_those_of_scikit_learn(case: tuple[Ints, Floats]) -> None:
    """Each point of a curve is a point of the full curve."""
    actual, probabilities = case
    labels = [str(index) for index in range(probabilities.shape[1])]

    for row in metrics.precision_recall(actual, probabilities, labels):
        index = int(row["class"])
        full = sklearn_metrics.precision_recall_curve(actual == index, probabilities[:, index])
        points = {(round(p, 9), round(r, 9)) for p, r in zip(*full[:2], strict=True)}
        assert (round(row["precision"], 9), round(row["recall"], 9)) in points


def test_curves_are_thinned_to_100_points_a_class_and_reach_every_row() -> None:
    """However many rows, a curve has at most 100 points, the last at full recall."""
    actual, probabilities = random_case(0, 5_000, 2)

    rows = [
        row
        for row in metrics.precision_recall(actual, probabilities, ["a", "b"])
        if row["class"] == "a"
    ]

    assert len(rows) <= 100
    assert rows[-1]["recall"] == 1


def test_a_class_without_test_rows_has_no_recall_and_no_curve() -> None:
    """What cannot be measured is left out, not told as 0."""
    actual = np.array([0, 0, 1])
    probabilities = np.array([[0.8, 0.1, 0.1], [0.2, 0.3, 0.5], [0.1, 0.8, 0.1]])
    matrix = metrics.confusion(actual, probabilities.argmax(axis=1), 3)

    table = metrics.per_class(matrix, ["a", "b", "c"])

    assert table["c"] == {"precision": 0, "f1": 0, "support": 0}
    assert {
        row["class"] for row in metrics.precision_recall(actual, probabilities, ["a", "b", "c"])
    } == {
        "a",
        "b",
    }


@settings(max_examples=30)
@given(cases)
def test_the_bins_of_calibration_hold_every_row_once(case: tuple[Ints, Floats]) -> None:
    """The confidence of each bin lies in the bin, and no row is lost."""
    actual, probabilities = case

    bins = metrics.reliability(actual, probabilities, 7)

    assert sum(row["rows"] for row in bins) == len(actual)
    assert all(row["low"] - 1e-9 <= row["confidence"] <= row["high"] + 1e-9 for row in bins)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (
            [[0.5, 0.5], [np.nan, np.nan]],
            "NaN or infinite probabilities for 1 of 2 texts, first in row 1",
        ),
        ([[0.5, 0.5], [np.inf, 0.0]], "NaN or infinite"),
        ([[0.5, 0.5]], r"shape \(1, 2\), expected \(2, 2\)"),
        ([[0.5, 0.5], [2.0, 3.0]], "do not sum to 1"),
    ],
)
def test_what_is_no_distribution_is_refused(broken: list[list[float]], told: str) -> None:
    """NaN, wrong shapes and raw logits never become metrics."""
    with pytest.raises(ModelError, match=told):
        metrics.check(np.array(broken), 2, 2)


def test_a_metric_that_json_cannot_say_is_named() -> None:
    """NaN in the tree of metrics is an error with its path."""
    with pytest.raises(ModelError, match=r"baselines\.tfidf\.ece is nan"):
        metrics.plain({"baselines": {"tfidf": {"ece": float("nan")}}})


def test_metrics_are_rounded_so_that_machines_agree() -> None:
    """Six places are kept; counts stay whole."""
    assert metrics.plain({"a": {"b": 1 / 3}, "rows": 7}) == {"a": {"b": 0.333333}, "rows": 7}
