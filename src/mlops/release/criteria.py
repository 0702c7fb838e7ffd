"""What the gate asks of every model: metrics as reported, parity with the trained one, a lead.

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

NEAR = 1e-6  # metrics are written with 6 places
NAMES = {"ece": "calibration error"}


def check_reported_metrics(
    reported: dict[str, Any], predicted: Predictions, test: Split, evaluate: Evaluate
) -> Iterator[Check]:
    """Yield whether the metrics that came with the model are those of its predictions here."""
    names = np.array(test.labels)
    same = predicted.texts == test.texts and np.array_equal(predicted.actual, names[test.actual])
    here, other = "this test split", "another test split"
    yield Check("evaluated on this data", same, here if same else other, here)
    if not same:
        return
    recomputed = scores.measure(test.actual, predicted.probabilities, evaluate.calibration_bins)
    for name, wanted in recomputed.items():
        value = reported.get(name)
        number = float(value) if isinstance(value, int | float) else math.nan
        found = "missing" if value is None else str(value)
        right = abs(number - wanted) <= NEAR
        yield Check(f"reported {NAMES.get(name, name)}", right, found, f"{wanted:.6f}, recomputed")


def check_parity(
    evidence: Evidence, predicted: Predictions, bounds: Export, labels: list[str]
) -> Check:
    """Return whether what is served predicts as the trained model did when it was evaluated."""
    if evidence.probabilities.shape != predicted.probabilities.shape:
        return Check("parity", False, "evaluated on other rows", "the same rows")
    found = parity.compare(evidence.probabilities, predicted, labels)
    wrong = parity.broken(found, bounds, max(bounds.int8_difference, bounds.fp32_difference))
    wanted = f"labels agree at least {bounds.labels_agree:g}, and within the differences of export"
    return Check("parity", not wrong, wrong or f"labels agree {found.labels_agree:.4f}", wanted)


def check_lead(
    ours: Evidence, theirs: Evidence, test: Split, evaluate: Evaluate
) -> Iterator[Check]:
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


def check_same_labels(ours: Evidence, theirs: Evidence, bounds: Export) -> Check:
    """Return whether the model that is live gives the same labels in the new release."""
    agree = float((ours.probabilities.argmax(axis=1) == theirs.probabilities.argmax(axis=1)).mean())
    return at_least("labels of the same model agree", agree, bounds.labels_agree)
