"""Count right and wrong answers: by class, by confidence, along curves. Values in, values out.

A class that does not occur in the test rows has no recall, and no share in macro F1.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops.core.errors import ModelError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Row = dict[str, Any]

POINTS = 100  # of a precision-recall curve: more than a plot can show


def check(probabilities: Floats, rows: int, classes: int) -> Floats:
    """Return the probabilities if each row is a distribution over the classes."""
    if probabilities.shape != (rows, classes):
        raise ModelError(
            f"the model gave probabilities of shape {probabilities.shape}, expected "
            f"({rows}, {classes}); train it again on this data"
        )
    broken = np.flatnonzero(~np.isfinite(probabilities).all(axis=1))
    if broken.size:
        raise ModelError(
            f"the model gave NaN or infinite probabilities for {broken.size} of {rows} texts, "
            f"first in row {broken[0]}; its weights diverged: lower training.learning_rate "
            "or training.max_grad_norm and train again"
        )
    if np.abs(probabilities.sum(axis=1) - 1).max(initial=0) > 1e-3:
        raise ModelError("the model's probabilities do not sum to 1 for every text; use a softmax")
    return probabilities


def confusion(actual: Ints, predicted: Ints, classes: int) -> Ints:
    """Count rows by actual class (down) and predicted class (across)."""
    cells = np.bincount(actual * classes + predicted, minlength=classes**2)
    return cells.reshape(classes, classes)


def macro_f1(hits: Ints, actual: Ints, predicted: Ints) -> Floats:
    """Return the mean F1 of the classes (last axis) that occur, from their counts."""
    both = actual + predicted
    f1 = 2 * hits / np.maximum(both, 1)
    return np.asarray(f1.sum(axis=-1) / (both > 0).sum(axis=-1))


def per_class(matrix: Ints, labels: list[str]) -> dict[str, dict[str, float]]:
    """Return support, precision, recall and F1 by class; what is undefined is left out."""
    table: dict[str, dict[str, float]] = {}
    for index, label in enumerate(labels):
        hits, support, predicted = (
            int(matrix[index, index]), int(matrix[index].sum()), int(matrix[:, index].sum()),
        )  # fmt: skip
        parts = {"precision": (hits, predicted), "recall": (hits, support)}
        parts["f1"] = (2 * hits, support + predicted)
        table[label] = {name: above / below for name, (above, below) in parts.items() if below}
        table[label]["support"] = support
    return table


def reliability(actual: Ints, probabilities: Floats, bins: int) -> list[Row]:
    """Compare confidence and accuracy in equal-width bins of the predicted class's probability."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == actual
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    return [
        {
            "low": index / bins,
            "high": (index + 1) / bins,
            "confidence": float(confidence[place == index].mean()),
            "accuracy": float(right[place == index].mean()),
            "rows": int((place == index).sum()),
        }
        for index in np.unique(place)
    ]


def precision_recall(actual: Ints, probabilities: Floats, labels: list[str]) -> list[Row]:
    """Return up to 100 points of each class's curve, the highest threshold first."""
    table: list[Row] = []
    for index, label in enumerate(labels):
        scores, positive = probabilities[:, index], actual == index
        if not positive.any():
            continue
        order = np.argsort(-scores, kind="stable")
        # Rows with the same probability stand or fall together: one point for the last of them.
        ends = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
        hits = positive[order].cumsum()[ends]
        # Evenly in recall: where each hundredth of the class is first found.
        wanted = np.linspace(1 / POINTS, 1, POINTS) * positive.sum()
        steps = np.unique(np.searchsorted(hits, np.maximum(wanted, 1) - 1e-9))
        table += [
            {"class": label, "recall": recall, "precision": precision, "threshold": threshold}
            for recall, precision, threshold in zip(
                (hits / positive.sum())[steps].tolist(),
                (hits / (ends + 1))[steps].tolist(),
                scores[order][ends][steps].tolist(),
                strict=True,
            )
        ]
    return table


def plain(tree: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Return a tree of metrics rounded to 6 places; NaN and infinity are no JSON."""
    rounded: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            rounded[name] = plain(value, f"{path}{name}.")
            continue
        if isinstance(value, float) and not np.isfinite(value):
            raise ModelError(
                f"the metric {path}{name} is {value}, expected a finite number; "
                "look at the model's probabilities for the test split and train again"
            )
        rounded[name] = round(value, 6) if isinstance(value, float) else value
    return rounded
