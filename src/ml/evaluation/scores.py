"""The scores of this project: how each is computed, what it is called, which way is better."""

import numpy as np

from mlops.evaluation import metrics
from mlops.evaluation.scores import Answers, Score

TINY = 1e-15  # stands for a probability of 0, whose logarithm is infinite


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
