"""The scores of a model, all of them: how each is computed, what it is called, which way is better.

Metrics, report, model card, run, registry and gate take them from here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mlops.evaluation import metrics
from mlops.evaluation.metrics import Floats, Ints

TINY = 1e-15  # stands for a probability of 0, whose logarithm is infinite


@dataclass(frozen=True)
class Answers:
    """Labels [rows] and probabilities [rows, classes] of the test rows; `bins` of calibration."""

    actual: Ints
    probabilities: Floats
    bins: int

    @property
    def predicted(self) -> Ints:
        """Return the class of each row that the model finds the most probable."""
        return np.asarray(self.probabilities.argmax(axis=1))

    @property
    def of_actual(self) -> Floats:
        """Return the probability that each row's own class got."""
        return np.asarray(self.probabilities[np.arange(len(self.actual)), self.actual])

    @property
    def matrix(self) -> Ints:
        """Return the confusion matrix."""
        return metrics.confusion(self.actual, self.predicted, self.probabilities.shape[1])


@dataclass(frozen=True)
class Score:
    """One figure of a model; a share is shown as a percentage."""

    title: str
    better: Literal["higher", "lower"]
    of: Callable[[Answers], float]
    share: bool = False


def measure(actual: Ints, probabilities: Floats, bins: int) -> dict[str, float]:
    """Return all scores by name."""
    answers = Answers(actual, probabilities, bins)
    return {name: float(score.of(answers)) for name, score in SCORES.items()}


def titles(better: str) -> list[str]:
    """Return the titles of the scores of which the higher, or the lower, is better."""
    return [score.title for score in SCORES.values() if score.better == better]


def _accuracy(answers: Answers) -> float:
    return float(np.trace(answers.matrix) / len(answers.actual))


def _macro_f1(answers: Answers) -> float:
    matrix = answers.matrix
    return float(metrics.macro_f1(np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)))


def _log_loss(answers: Answers) -> float:
    return float(-np.log(np.clip(answers.of_actual, TINY, 1)).mean())


def _brier(answers: Answers) -> float:
    return float(((answers.probabilities**2).sum(axis=1) - 2 * answers.of_actual + 1).mean())


def _calibration_error(answers: Answers) -> float:
    table = metrics.reliability(answers.actual, answers.probabilities, answers.bins)
    total = 0.0
    for row in table:
        total += row["rows"] / len(answers.actual) * abs(row["accuracy"] - row["confidence"])
    return total


SCORES = {
    "accuracy": Score("accuracy", "higher", _accuracy, share=True),
    "macro_f1": Score("macro F1", "higher", _macro_f1, share=True),
    "log_loss": Score("log loss", "lower", _log_loss),
    "brier": Score("Brier score", "lower", _brier),
    "ece": Score("calibration error", "lower", _calibration_error),
}
