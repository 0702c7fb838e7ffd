"""Rules of mlops.evaluation.results."""

import numpy as np
import polars as pl
import pytest

import report_data
from common import verdicts
from ml.config import Params
from mlops.evaluation.metrics import Floats
from mlops.evaluation.results import Data, Results, evaluate, predictions, worst_errors
from mlops.evaluation.scores import Answers

LABELS = ["negative", "positive"]


@pytest.fixture(name="data", scope="module")
def _data() -> Data:
    splits = {
        name: pl.DataFrame(verdicts(start, 40))
        for name, start in (("train", 0), ("val", 40), ("test", 80))
    }
    return Data(splits, LABELS, synthetic=False)


def sure(labels: list[int], classes: int = 2) -> Floats:
    """Return probabilities of 0.9 for these classes."""
    return np.where(np.eye(classes)[labels] == 1, 0.9, 0.1 / (classes - 1))


def evaluated(data: Data, probabilities: Floats, params: Params) -> Results:
    """Evaluate probabilities for the test rows."""
    actual = data.splits["test"]["label"].to_numpy()
    return evaluate(data, Answers(actual, probabilities, 15), params.evaluate)


def test_the_model_is_compared_with_the_baselines(data: Data, params: Params) -> None:
    """On data that one word decides, TF-IDF is perfect, and a perfect model leads it by nothing."""
    found = evaluated(data, sure(data.splits["test"]["label"].to_list()), params)

    others = found.metrics["baselines"]
    assert (found.metrics["accuracy"], others["tfidf"]["accuracy"]) == (1, 1)
    assert (others["tfidf"]["lead"], others["majority"]["lead"]) == (0, 0.5)


def test_metrics_are_numbers_only(data: Data, params: Params) -> None:
    """DVC and MLflow compare numbers; the weakest slice is one of them."""
    found = evaluated(data, sure([1] * 40), params).metrics

    leaves = [found]
    while any(isinstance(leaf, dict) for leaf in leaves):
        leaves = [
            part
            for leaf in leaves
            for part in (leaf.values() if isinstance(leaf, dict) else [leaf])
        ]
    assert {type(leaf) for leaf in leaves} == {int, float}
    assert found["slices"]["worst"] in [
        part for name, part in found["slices"].items() if name != "worst"
    ]


def test_a_test_split_of_one_row_can_be_evaluated(data: Data, params: Params) -> None:
    """It says little, but it says it."""
    one = Data({**data.splits, "test": data.splits["test"].head(1)}, LABELS, synthetic=False)

    found = evaluated(one, sure([0]), params).metrics

    assert (found["rows"], found["accuracy"], found["slices"]) == (1, 1, {})
    assert "recall" not in found["per_class"]["positive"]


def test_classes_beyond_two_and_absent_ones_can_be_evaluated(params: Params) -> None:
    """Five classes in config, four in train, three in test."""
    rows = {
        name: pl.DataFrame(
            {"text": [f"topic {n % k}" for n in range(60)], "label": [n % k for n in range(60)]}
        )
        for name, k in (("train", 4), ("val", 4), ("test", 3))
    }
    data = Data(rows, [*"abcde"], synthetic=False)

    found = evaluated(data, sure(rows["test"]["label"].to_list(), 5), params).metrics

    assert (found["macro_f1"], found["per_class"]["e"]) == (1, {"support": 0})


def test_predictions_name_the_labels_and_hold_the_probabilities(data: Data) -> None:
    """One column for each class, rows in the order of the test split."""
    test = data.splits["test"].head(2)

    table = predictions(test, sure([1, 1]), LABELS)

    assert table.columns == ["text", "label", "predicted", "p_negative", "p_positive"]
    assert table.row(0) == (test["text"][0], "negative", "positive", 0.1, 0.9)


def test_the_worst_errors_are_the_surest() -> None:
    """Right answers are none; of equals the first row comes first."""
    test = pl.DataFrame({"text": [*"abcde"], "label": [0, 0, 0, 1, 0]})
    probabilities = np.array([[0.4, 0.6], [0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]])

    found = worst_errors(predictions(test, probabilities, LABELS), 3)

    assert [(row["text"], row["confidence"]) for row in found] == [
        ("b", 0.9),
        ("a", 0.6),
        ("e", 0.6),
    ]


def test_labels_may_look_like_columns(params: Params) -> None:
    """A class named `predicted` or with odd signs does not confuse the tables."""
    labels = ["predicted", "a.*$"]
    test = pl.DataFrame({"text": ["x", "y"], "label": [0, 1]})

    found = worst_errors(predictions(test, np.array([[0.2, 0.8], [0.4, 0.6]]), labels), 5)

    assert [[*row.values()] for row in found] == [["x", "predicted", "a.*$", [], 0.8]]


def test_an_error_knows_its_slices() -> None:
    """So that the report can show those of one slice."""
    test = pl.DataFrame({"text": ["x", "y"], "label": [0, 1]})
    table = predictions(test, np.array([[0.2, 0.8], [0.4, 0.6]]), LABELS)

    (found,) = worst_errors(table, 5, {"kind": ["hard", "easy"], "words": ["1-8", "1-8"]})

    assert found["slices"] == ["kind=hard", "words=1-8"]


def test_equal_inputs_give_equal_results(data: Data, params: Params) -> None:
    """No draw is left to chance, and figures are rounded so that machines agree."""
    _, probabilities = report_data.probabilities(40, 2)

    first, second = (evaluated(data, probabilities, params).metrics for _ in range(2))

    assert first == second
    assert first["log_loss"] == round(first["log_loss"], 6)
