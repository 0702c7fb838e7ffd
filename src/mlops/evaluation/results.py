"""What the test split says about the model, and about the baselines beside it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from mlops.config.schema import Evaluate
from mlops.core.project import project
from mlops.evaluation import intervals, metrics, scores, slices
from mlops.evaluation.metrics import Floats, Ints


@dataclass(frozen=True)
class Data:
    """The prepared rows, and the names of the classes in their order."""

    splits: dict[str, pl.DataFrame]
    labels: list[str]
    synthetic: bool


@dataclass(frozen=True)
class Baseline:
    """A baseline's probabilities for the test rows, and how it was made."""

    probabilities: Floats
    detail: str

    @property
    def predicted(self) -> Ints:
        """Return the class of each test row."""
        return np.asarray(self.probabilities.argmax(axis=1))


@dataclass(frozen=True)
class Judgement:
    """The metrics, and what of them is told in more words."""

    metrics: dict[str, Any]
    slices: slices.Slices
    slices_left_out: dict[str, int]
    baselines: dict[str, str]
    predictions: pl.DataFrame


def judge(data: Data, probabilities: Floats, config: Evaluate) -> Judgement:
    """Score the probabilities of the test rows: in all, by class, by slice, beside baselines."""
    test, bins = data.splits["test"], config.calibration_bins
    actual, predicted = test["label"].to_numpy(), probabilities.argmax(axis=1)
    matrix = metrics.confusion(actual, predicted, len(data.labels))
    parts, left_out = slices.measure(test, predicted == actual, config)
    weakest = slices.worst(parts)
    others = project().baselines(data)
    found = {
        "rows": test.height,
        **scores.measure(actual, probabilities, bins),
        **intervals.bootstrap(matrix, config),
        "per_class": metrics.per_class(matrix, data.labels),
        "slices": parts | ({"worst": parts[weakest]} if weakest else {}),
        "baselines": {
            name: scores.measure(actual, other.probabilities, bins)
            | intervals.lead(predicted == actual, other.predicted == actual, config)
            for name, other in others.items()
        },
    }
    details = {name: other.detail for name, other in others.items()}
    told = predictions(test, probabilities, data.labels)
    return Judgement(metrics.plain(found), parts, left_out, details, told)


def predictions(test: pl.DataFrame, probabilities: Floats, labels: list[str]) -> pl.DataFrame:
    """Return each text, its label, the predicted label and the probability of each class."""
    predicted = probabilities.argmax(axis=1)
    return pl.DataFrame(
        {
            "text": test["text"],
            "label": [labels[index] for index in test["label"]],
            "predicted": [labels[index] for index in predicted],
            **{f"p_{name}": probabilities[:, index] for index, name in enumerate(labels)},
        }
    )


def worst_errors(told: pl.DataFrame, most: int) -> list[dict[str, Any]]:
    """Return the wrong predictions of which the model was surest."""
    wrong = told.filter(pl.col("label") != pl.col("predicted"))
    sure = wrong.select("text", "label", "predicted", confidence=pl.max_horizontal("^p_.*$"))
    return sure.sort("confidence", descending=True, maintain_order=True).head(most).to_dicts()
