"""Rules of ml.evaluation.criteria."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from ml.config import Params
from ml.evaluation import criteria
from mlops.core.errors import ConfigError

MakeParams = Callable[..., Params]
TEST: Any = SimpleNamespace(texts=["a text"] * 300)


def evidence(**scores: float) -> Any:
    """Return what a good model shows, but for some scores."""
    good = {"accuracy": 0.9, "macro_f1": 0.9, "log_loss": 0.3, "brier": 0.2, "ece": 0.05}
    return SimpleNamespace(
        scores={**good, **scores}, recalls={"negative": 0.9, "positive": 0.8}, slices={},
        behaviour=[], milliseconds=1.0, megabytes=1.0,
    )  # fmt: skip


def failed(found: Any, params: Params) -> list[str]:
    """Return the criteria that are not met."""
    return [c.criterion for c in criteria.absolute(found, TEST, params.gate) if not c.passed]


def test_a_bound_that_is_not_met_is_named(params: Params) -> None:
    """And no other."""
    assert failed(evidence(), params) == []
    assert failed(evidence(accuracy=0.1), params) == ["accuracy"]
    assert failed(evidence(ece=float("nan")), params) == ["calibration error"]


@pytest.mark.parametrize(("bound", "met"), [(0.25, True), (0.15, False)])
def test_any_score_can_be_held(make_params: MakeParams, bound: float, met: bool) -> None:
    """At most where lower is better."""
    params = make_params(gate={"scores": {"brier": bound}})

    assert failed(evidence(), params) == ([] if met else ["Brier score"])


def test_a_score_that_nobody_measures_is_told(make_params: MakeParams) -> None:
    """With those that are there."""
    with pytest.raises(ConfigError, match=r"gate\.scores: 'brierr' is no score .* measures \['acc"):
        failed(evidence(), make_params(gate={"scores": {"brierr": 1.0}}))
