"""What the test split says about the model, and about the baselines beside it."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from ml.evaluation import baselines, scores
from ml.evaluation.baselines import Baseline
from mlops.config.schema import Evaluate
from mlops.evaluation import intervals, metrics, slices
from mlops.evaluation.metrics import Floats


@dataclass(frozen=True)
class Data:
    """The prepared rows, and the names of the classes in their order."""

    splits: dict[str, pl.DataFrame]
    labels: list[str]
    synthetic: bool


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
    others = train_baselines(data)
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


def train_baselines(data: Data) -> dict[str, Baseline]:
    """Train the baselines on the rows that the model had."""
    train, val, test = (data.splits[name] for name in ("train", "val", "test"))
    return {
        "majority": baselines.majority(train, test.height, data.labels),
        "tfidf": baselines.tfidf(train, val, test["text"].to_list(), len(data.labels)),
    }


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
