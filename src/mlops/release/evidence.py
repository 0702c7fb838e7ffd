"""What a registered model predicts today, through the engine that serves it.

No metric that came with the model is believed: the work tree's test split is predicted again.

Reads: a release as `register` uploads it (bento/, reports/)
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops.config.schema import Params
from mlops.core.errors import ModelError
from mlops.evaluation import behaviour, metrics, slices
from mlops.evaluation.metrics import Floats
from mlops.evaluation.scores import measure
from mlops.serving.engine import Engine

BENTO, REPORTS = "bento", "reports"
TIMED = 200  # texts asked one by one, as a client with one connection does


@dataclass(frozen=True)
class Split:
    """The test split of the work tree: texts, class numbers, columns to slice by."""

    rows: pl.DataFrame
    labels: list[str]

    @property
    def actual(self) -> NDArray[np.int64]:
        """Return the class number of each row."""
        return self.rows["label"].to_numpy()

    @property
    def texts(self) -> list[str]:
        """Return the text of each row."""
        return self.rows["text"].to_list()


@dataclass(frozen=True)
class Evidence:
    """What one model shows on the test split; probabilities are [rows, classes]."""

    probabilities: Floats
    scores: dict[str, float]
    recalls: dict[str, float]
    slices: slices.Slices
    behaviour: list[behaviour.Result]
    milliseconds: float
    megabytes: float

    def right(self, test: Split) -> NDArray[np.bool_]:
        """Return for each row whether the model predicts its label."""
        return np.asarray(self.probabilities.argmax(axis=1) == test.actual)


def gather(release: Path, test: Split, params: Params) -> Evidence:
    """Evaluate the model of a release; raise ModelError where it cannot predict."""
    folder = release / BENTO
    ask, known = engine(folder)
    if known != test.labels:
        raise ModelError(f"it has the classes {known}, the test split has {test.labels}")
    probabilities = ask(test.texts)
    matrix = metrics.confusion(test.actual, probabilities.argmax(axis=1), len(test.labels))
    classes = metrics.per_class(matrix, test.labels)
    right = probabilities.argmax(axis=1) == test.actual
    return Evidence(
        probabilities=probabilities,
        scores=measure(test.actual, probabilities, params.evaluate.calibration_bins),
        recalls={name: found["recall"] for name, found in classes.items() if "recall" in found},
        slices=slices.measure(test.rows, right, params.evaluate)[0],
        behaviour=behaviour.run(params.evaluate.behaviour, test.texts, test.labels, ask),
        milliseconds=latency(ask, test.texts),
        megabytes=sum(path.stat().st_size for path in folder.iterdir()) / 1e6,
    )


def engine(folder: Path) -> tuple[Callable[[list[str]], Floats], list[str]]:
    """Return the model as a function from texts to checked probabilities, and its classes."""
    try:
        found = Engine(folder)
    # ONNX Runtime, tokenizers and pydantic raise errors of their own for what is no model.
    except Exception as error:
        raise ModelError(f"its files are no model: {str(error).splitlines()[0]}") from error
    labels = found.signature.labels

    def ask(texts: list[str]) -> Floats:
        answers = [list(one.probabilities.values()) for one in found.predict(texts)]
        return metrics.check(np.array(answers), len(texts), len(labels))

    return ask, labels


def latency(ask: Callable[[list[str]], Floats], texts: list[str]) -> float:
    """Return the 95th percentile of the milliseconds that one text takes on one thread."""
    times = []
    for text in [texts[n % len(texts)] for n in range(TIMED)]:
        start = time.perf_counter()
        ask([text])
        times.append(1000 * (time.perf_counter() - start))
    return float(np.quantile(times, 0.95))


def read_reported_metrics(release: Path) -> dict[str, Any]:
    """Return the metrics that came with a release, to be compared with those measured here."""
    path = release / REPORTS / "metrics.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"its metrics cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise ModelError(f"{path.name}: expected an object, found {type(found).__name__}")
    return found
