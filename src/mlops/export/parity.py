"""Compare what is served with what was evaluated, on the test split.

Reads: a folder as `export` writes it, reports/predictions.parquet
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlops.config.schema import Export
from mlops.core import files
from mlops.core.errors import ModelError
from mlops.serving.engine import Engine

Floats = NDArray[np.float64]
PLACES = 6  # digits of the evaluated probabilities


@dataclass(frozen=True)
class Predictions:
    """What evaluate has predicted for each text of the test split."""

    texts: list[str]
    actual: NDArray[np.str_]
    probabilities: Floats


@dataclass(frozen=True)
class Parity:
    """How far a graph is from the trained model."""

    labels_agree: float
    accuracy_drop: float
    largest_probability_difference: float
    rows: int

    def figures(self) -> dict[str, float | int]:
        """Return the figures by name."""
        return asdict(self)


def read_predictions(path: Path, labels: list[str]) -> Predictions:
    """Read what the trained model predicted when it was evaluated."""
    columns = ["text", "label", *(f"p_{label}" for label in labels)]
    frame = files.read_parquet(path)
    if not set(columns) <= set(frame.columns) or frame.is_empty():
        raise ModelError(
            f"{path} has {frame.height} rows with the columns {frame.columns}, expected "
            f"{columns}: another model was evaluated; run `make train`"
        )
    table = frame.select(columns[2:]).to_numpy()
    return Predictions(frame["text"].to_list(), frame["label"].to_numpy(), table)


def probabilities(folder: Path, graph: str, texts: list[str]) -> Floats:
    """Return what the graph answers [texts, classes] in the engine that serves it."""
    found = Engine(folder, graph=graph).predict(texts)
    return np.array([list(prediction.probabilities.values()) for prediction in found])


def compare(found: Floats, expected: Predictions, labels: list[str]) -> Parity:
    """Return how far the answers of a graph are from those of the trained model."""
    names = np.array(labels)
    before, after = names[expected.probabilities.argmax(1)], names[found.argmax(1)]
    drop = (before == expected.actual).mean() - (after == expected.actual).mean()
    return Parity(
        labels_agree=round(float((before == after).mean()), PLACES),
        accuracy_drop=round(float(drop), PLACES),
        largest_probability_difference=round(
            float(np.abs(found - expected.probabilities).max()), PLACES
        ),
        rows=len(found),
    )


def broken(parity: Parity, bounds: Export, difference: float) -> str:
    """Return in words which bounds a graph breaks, or nothing."""
    least, highest = bounds.labels_agree, bounds.accuracy_drop
    agree, drop = parity.labels_agree, parity.accuracy_drop
    most = parity.largest_probability_difference
    checks = (
        (agree >= least, f"labels agree {agree:.4f} (at least {least})"),
        (drop <= highest, f"accuracy drops {drop:.4f} (at most {highest})"),
        (most <= difference, f"a probability differs by {most:.4f} (at most {difference})"),
    )
    # Asked this way round a NaN, which is neither more nor less, breaks a bound.
    return ", ".join(text for holds, text in checks if not holds)
