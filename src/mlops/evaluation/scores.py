"""What a score is, and all of a model's: metrics, report, card, registry and gate ask here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mlops.core.project import project
from mlops.evaluation import metrics
from mlops.evaluation.metrics import Floats, Ints


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
    def right(self) -> NDArray[np.bool_]:
        """Return for each row whether its class was predicted."""
        return np.asarray(self.predicted == self.actual)

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
    return {name: float(score.of(answers)) for name, score in project().scores().items()}


def titles(better: str) -> list[str]:
    """Return the titles of the scores of which the higher, or the lower, is better."""
    return [score.title for score in project().scores().values() if score.better == better]
