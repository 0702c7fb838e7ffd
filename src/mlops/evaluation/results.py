"""The results of a model on the test split, compared with baselines."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import polars as pl

from mlops.config.schema import Evaluate
from mlops.core.project import project
from mlops.evaluation import intervals, metrics, scores, slices
from mlops.evaluation.metrics import Floats
from mlops.evaluation.scores import Answers


@dataclass(frozen=True)
class Data:
    """The prepared rows, and the names of the classes in their order."""

    splits: dict[str, pl.DataFrame]
    labels: list[str]
    synthetic: bool


@dataclass(frozen=True)
class Baseline:
    """A baseline's name for people, its probabilities for the test rows, and how it was made."""

    title: str
    probabilities: Floats
    detail: str


@dataclass(frozen=True)
class Results:
    """The metrics, and the details that the report shows."""

    metrics: dict[str, Any]
    slices: slices.Slices
    slices_left_out: dict[str, int]
    baselines: dict[str, Baseline]
    predictions: pl.DataFrame
    errors: list[dict[str, Any]]


def evaluate(data: Data, answers: Answers, config: Evaluate) -> Results:
    """Score the answers for the test rows: in all, by class, by slice, compared with baselines."""
    parts, left_out = slices.measure(data.splits["test"], answers.right, config)
    weakest = slices.worst(parts)
    baselines = project().baselines(data)
    found = {
        "rows": len(answers.actual),
        **scores.measure(answers.actual, answers.probabilities, answers.bins),
        **intervals.bootstrap(answers.matrix, config),
        "per_class": metrics.per_class(answers.matrix, data.labels),
        "slices": parts | ({"worst": parts[weakest]} if weakest else {}),
        "baselines": {name: _compare(answers, other, config) for name, other in baselines.items()},
    }
    table = predictions(data.splits["test"], answers.probabilities, data.labels)
    errors = worst_errors(table, config.worst_errors, slices.columns(data.splits["test"], config))
    return Results(metrics.plain(found), parts, left_out, dict(baselines), table, errors)


def _compare(answers: Answers, baseline: Baseline, config: Evaluate) -> dict[str, float]:
    """Return the scores of a baseline, and how far the model is ahead of it in accuracy."""
    other = replace(answers, probabilities=baseline.probabilities)
    found = scores.measure(other.actual, other.probabilities, other.bins)
    return found | intervals.lead(answers.right, other.right, config)


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


def worst_errors(
    table: pl.DataFrame, most: int, parts: Mapping[str, list[str]] = MappingProxyType({})
) -> list[dict[str, Any]]:
    """Return the wrong predictions of which the model was surest, with the slices they are in."""
    named = [[f"{name}={value}" for value in values] for name, values in parts.items()]
    rows = list(zip(*named, strict=True)) if named else [()] * table.height
    wrong = table.with_columns(slices=pl.Series(rows, dtype=pl.List(pl.String))).filter(
        pl.col("label") != pl.col("predicted")
    )
    columns = ("text", "label", "predicted", "slices")
    sure = wrong.select(*columns, confidence=pl.max_horizontal("^p_.*$"))
    return sure.sort("confidence", descending=True, maintain_order=True).head(most).to_dicts()
