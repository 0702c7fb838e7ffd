"""Data for the tests of the report and the model card."""

from typing import Any

import numpy as np

from ml.config import Params
from ml.evaluation import scores
from mlops.evaluation.behaviour import Failure, Result
from mlops.evaluation.results import Baseline
from mlops.reporting.report_data import ReportData

SCORES = dict.fromkeys(scores.SCORES, 0.5) | {"accuracy": 0.7, "macro_f1": 0.68, "ece": 0.02}
PART = {"accuracy": 0.5, "accuracy_low": 0.4, "accuracy_high": 0.6, "rows": 90}
GOOD = {"accuracy": 0.95, "accuracy_low": 0.9, "accuracy_high": 0.98, "rows": 400}

BASELINES = {
    "majority": Baseline("majority class", np.array([[1.0, 0.0]]), "always answers 'a'"),
    "tfidf": Baseline("TF-IDF", np.array([[0.5, 0.5]]), "logistic regression"),
}


def metrics(labels: list[str], lead: float = 0.2) -> dict[str, Any]:
    """Return metrics of a model that is right for 90 % and leads each baseline by `lead`."""
    return {
        "rows": 500,
        **SCORES,
        "accuracy": 0.9,
        **{"accuracy_low": 0.87, "accuracy_high": 0.93, "macro_f1_low": 0.6, "macro_f1_high": 0.75},
        "per_class": {
            label: {"precision": 0.9, "recall": 0.8, "f1": 0.85, "support": 250} for label in labels
        },
        "slices": {},
        "baselines": {
            name: {**SCORES, "lead": lead, "lead_low": lead - 0.05, "lead_high": lead + 0.05}
            for name in BASELINES
        },
    }


def make(params: Params, labels: list[str], **changes: Any) -> ReportData:
    """Return the data of a good model, with changes."""
    values: dict[str, Any] = {
        "metrics": metrics(labels),
        "labels": labels,
        "rows": {"train": 4000, "val": 500, "test": 500},
        "synthetic": False,
        "stats": {"source": {"train": "/home/somebody/films.csv"}, "splits": {}},
        "params": params,
        "lineage": {"data/prepared": "0" * 64},
        "baselines": BASELINES,
        "slices": {"kind=hard": PART, "kind=easy": GOOD},
        "slices_left_out": {"kind": 3},
        "behaviour": [
            Result("names", "invariance", 0.9, 10, 2, [Failure("Ann → Bob", "a", "b")]),
            Result("places", "invariance", 0.9, 0, 0, []),
        ],
        "errors": [
            {
                "text": "t",
                "label": labels[0],
                "predicted": labels[1],
                "confidence": 0.99,
                "slices": ["kind=hard"],
            }
        ],
    }
    return ReportData(**{**values, **changes})


def probabilities(rows: int, classes: int) -> tuple[Any, Any]:
    """Return labels, and probabilities that are mostly right."""
    random = np.random.default_rng(0)
    actual = random.integers(0, classes, rows)
    scores = np.exp(random.normal(size=(rows, classes)) + 2 * np.eye(classes)[actual])
    return actual, scores / scores.sum(axis=1, keepdims=True)
