"""What the gate asks of every model: honest figures, parity with the trained model, a real lead.

Pure: evidence and bounds in, checks out.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from mlops.config.schema import Evaluate, Export
from mlops.core.checks import Check, at_least
from mlops.evaluation import intervals, scores
from mlops.export import parity
from mlops.export.parity import Predictions
from mlops.release.evidence import Evidence, Split

NEAR = 1e-6  # figures are written with 6 places


def honest(
    told: dict[str, Any], judged: Predictions, test: Split, evaluate: Evaluate
) -> Iterator[Check]:
    """Yield whether the figures that came with the model are those of its answers on this test."""
    names = np.array(test.labels)
    same = judged.texts == test.texts and np.array_equal(judged.actual, names[test.actual])
    here, other = "the test split at hand", "another test split"
    yield Check("judged on this data", same, here if same else other, here)
    if not same:
        return
    recomputed = scores.measure(test.actual, judged.probabilities, evaluate.calibration_bins)
    for name, wanted in recomputed.items():
        value = told.get(name)
        number = float(value) if isinstance(value, int | float) else math.nan
        found = "missing" if value is None else str(value)
        right = abs(number - wanted) <= NEAR
        yield Check(f"told {name}", right, found, f"{wanted:.6f}, as its answers give")


def exported(evidence: Evidence, judged: Predictions, bounds: Export, labels: list[str]) -> Check:
    """Return whether what is served answers as the trained model did when it was judged."""
    if evidence.probabilities.shape != judged.probabilities.shape:
        return Check("parity", False, "judged on other rows", "the same rows")
    found = parity.compare(evidence.probabilities, judged, labels)
    wrong = parity.broken(found, bounds, max(bounds.int8_difference, bounds.fp32_difference))
    wanted = f"labels agree at least {bounds.labels_agree:g}, and export's other bounds"
    return Check("parity", not wrong, wrong or f"labels agree {found.labels_agree:.4f}", wanted)


def better(ours: Evidence, theirs: Evidence, test: Split, evaluate: Evaluate) -> Iterator[Check]:
    """Yield whether the challenger leads the champion on the same rows by more than chance.

    The interval of the lead is a paired bootstrap (`mlops.evaluation.intervals.lead`).
    """
    found = intervals.lead(ours.right(test), theirs.right(test), evaluate)
    low, high = found["lead_low"], found["lead_high"]
    yield Check(
        "lead over the champion",
        low > 0,
        f"{found['lead']:+.4f} accuracy ({low:+.4f} to {high:+.4f})",
        f"above 0 in the whole {evaluate.confidence:.0%} interval",
    )


def unchanged(ours: Evidence, theirs: Evidence, bounds: Export) -> Check:
    """Return whether the model that is live gives the same labels in the new release."""
    agree = float((ours.probabilities.argmax(axis=1) == theirs.probabilities.argmax(axis=1)).mean())
    return at_least("labels of the same model agree", agree, bounds.labels_agree)
