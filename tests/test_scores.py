"""Rules of ml.evaluation.scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn import metrics as sklearn_metrics

from cases import cases
from mlops.evaluation import scores
from mlops.evaluation.metrics import Floats, Ints

EXACT = pytest.approx


@settings(max_examples=30)
@given(cases)
def test_scores_agree_with_scikit_learn(case: tuple[Ints, Floats]) -> None:
    """Accuracy, macro F1 and log loss are what everybody means by these names."""
    actual, probabilities = case
    predicted = probabilities.argmax(axis=1)
    classes = range(probabilities.shape[1])

    found = scores.measure(actual, probabilities, 15)

    assert {name: found[name] for name in ("accuracy", "macro_f1", "log_loss")} == EXACT(
        {
            "accuracy": sklearn_metrics.accuracy_score(actual, predicted),
            "macro_f1": sklearn_metrics.f1_score(actual, predicted, average="macro"),
            "log_loss": sklearn_metrics.log_loss(actual, probabilities, labels=list(classes)),
        }
    )


def test_a_class_that_neither_occurs_nor_is_predicted_does_not_lower_macro_f1() -> None:
    """Macro F1 is the mean over the classes that there are."""
    perfect = np.array([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0]])

    assert scores.measure(np.array([0, 1]), perfect, 15)["macro_f1"] == 1


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    """Ten answers with confidence 0.8, of which 5 are right, are off by 0.3."""
    probabilities = np.tile([0.8, 0.2], (10, 1))
    actual = np.array([0, 1] * 5)

    assert scores.measure(actual, probabilities, 15)["ece"] == EXACT(0.3)


def test_an_impossible_answer_costs_much_but_not_infinitely() -> None:
    """A probability of 0 for the actual class leaves the log loss finite."""
    found = scores.measure(np.array([1]), np.array([[1.0, 0.0]]), 15)

    assert np.isfinite(found["log_loss"])
