"""Which distances are drift: those surely beyond their bounds, by a budget of false alarms."""

import pytest
from scipy.stats import norm

from drifted import sample
from ml.config import Params
from mlops.config.operating import Drift
from mlops.operate.drift import decision
from mlops.operate.drift.estimate import Estimate, estimate


def drift(params: Params, **changed: object) -> Drift:
    """Return the committed bounds, with changes."""
    return params.drift.model_copy(update=changed)


def test_a_difference_that_matters_to_nobody_is_no_drift(params: Params) -> None:
    """However sure it is; and one that matters is none while it may be chance."""
    most = params.drift.predicted_class.max
    known = {
        "predicted_class": Estimate(most - 0.01, 0.0001),
        "confidence": Estimate(params.drift.confidence.max + 0.01, 0.1),
        "length": Estimate(params.drift.length.max + 0.1, 0.01),
    }

    found = {one.statistic: one.exceeded for one in decision.decide(known, params.drift)}

    assert found == {"predicted_class": False, "confidence": False, "length": True}


def test_the_statistics_share_one_chance(params: Params) -> None:
    """By Holm: the second of two gets all of what is left, the first half."""
    alpha = decision.chance(params.drift)
    first, second = (float(norm.isf(alpha / left)) for left in (2, 1))
    known = {
        "truncated": Estimate(0.05 + 0.01 * (second + 0.01), 0.01),
        "unknown_words": Estimate(0.05 + 0.01 * (first + 0.01), 0.01),
    }
    alone = {**known, "unknown_words": Estimate(0.05 + 0.01 * (first - 0.01), 0.01)}

    assert [one.exceeded for one in decision.decide(known, params.drift)] == [True, True]
    assert [one.exceeded for one in decision.decide(alone, params.drift)] == [False, False]


def test_the_windows_of_a_quarter_share_the_budget(params: Params) -> None:
    """Twice as long windows are half as many, and may err twice as often."""
    day, two = (decision.chance(drift(params, window_hours=hours)) for hours in (24, 48))
    once = decision.chance(drift(params, false_alarms_per_quarter=1.0))

    assert two == pytest.approx(2 * day)
    assert once == pytest.approx(1 / 91.3, rel=1e-3)


def test_clean_windows_are_no_drift(params: Params) -> None:
    """Of 30, against three references; benchmarks/drift.md has thousands."""
    references = [sample(1000, seed) for seed in range(3)]
    exceeded = [
        one.statistic
        for number in range(30)
        for one in decision.decide(
            estimate(references[number % 3], sample(500, 100 + number)).known, params.drift
        )
        if one.exceeded
    ]

    assert exceeded == []
