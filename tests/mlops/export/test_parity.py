"""Rules of mlops.export.parity; that answers agree with the model's is in test_export."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ml.config import Params
from mlops.core.errors import DataError, ModelError
from mlops.export import parity
from mlops.export.parity import Parity, Predictions

MakeParams = Callable[..., Params]
LABELS = ["no", "yes"]
WANTED = Predictions(
    texts=["a", "b", "c", "d"],
    actual=np.array(["yes", "yes", "no", "no"]),
    probabilities=np.array([[0.1, 0.9], [0.4, 0.6], [0.8, 0.2], [0.3, 0.7]]),
)


def test_the_figures_of_parity() -> None:
    """One label of four changes, which was right; one probability moves by 0.15."""
    found = np.array([[0.1, 0.9], [0.55, 0.45], [0.8, 0.2], [0.3, 0.7]])

    result = parity.compare(found, WANTED, LABELS)

    assert result == Parity(0.75, 0.25, 0.15, 4)


def test_equal_answers_break_no_bound(make_params: MakeParams) -> None:
    """And all figures say so."""
    result = parity.compare(WANTED.probabilities, WANTED, LABELS)

    assert result == Parity(1.0, 0.0, 0.0, 4)
    assert parity.broken(result, make_params().export, 1e-9) == ""


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (Parity(0.994, 0.003, 0.1, 9), "labels agree 0.9940 (at least 0.995)"),
        (Parity(0.995, 0.0031, 0.1, 9), "accuracy drops 0.0031 (at most 0.003)"),
        (Parity(0.995, 0.003, 0.11, 9), "a probability differs by 0.1100 (at most 0.1)"),
        (Parity(1.0, 0.0, float("nan"), 9), "a probability differs by nan (at most 0.1)"),
        (Parity(0.995, 0.003, 0.1, 9), ""),
    ],
)
def test_each_bound_is_told_with_what_was_found(
    found: Parity, told: str, make_params: MakeParams
) -> None:
    """A bound itself is within; what is no number is outside."""
    bounds = make_params(export={"labels_agree": 0.995, "accuracy_drop": 0.003}).export

    assert parity.broken(found, bounds, 0.1) == told


def test_a_gain_in_accuracy_is_no_drop(make_params: MakeParams) -> None:
    """Serving may be right where the model was wrong."""
    better = np.array([[0.1, 0.9], [0.4, 0.6], [0.8, 0.2], [0.7, 0.3]])

    assert parity.compare(better, WANTED, LABELS).accuracy_drop == -0.25


@pytest.mark.parametrize(
    "columns",
    [
        {"text": ["a"], "label": ["no"], "p_no": [1.0]},
        {"text": ["a"], "label": ["bad"], "p_bad": [1.0], "p_good": [0.0]},
    ],
)
def test_answers_of_another_model_are_told(
    columns: dict[str, list[object]], tmp_path: Path
) -> None:
    """Its labels are others."""
    path = tmp_path / "predictions.parquet"
    pl.DataFrame(columns).write_parquet(path)

    with pytest.raises(ModelError, match=r"1 rows .*expected .*'p_no', 'p_yes'\].*`make train`"):
        parity.read_predictions(path, LABELS)


def test_missing_answers_are_told(tmp_path: Path) -> None:
    """The message says what makes them."""
    with pytest.raises(DataError, match=r"predictions\.parquet is missing; run `make train`"):
        parity.read_predictions(tmp_path / "predictions.parquet", LABELS)
