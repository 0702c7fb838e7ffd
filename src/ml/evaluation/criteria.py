"""What a model must show by itself to be accepted; the gate adds what it asks of every model.

Pure: evidence and bounds in, checks out. Each bound is a key of ml.config.Gate.
"""

from collections.abc import Iterator

from ml.config import Gate
from ml.evaluation.scores import SCORES
from mlops.core.checks import Check, at_least, at_most
from mlops.core.errors import ConfigError
from mlops.evaluation import slices
from mlops.release.evidence import Evidence, Split


def absolute(evidence: Evidence, test: Split, gate: Gate) -> Iterator[Check]:
    """Yield the criteria that need no other model."""
    found = evidence.scores
    rows = len(test.texts)
    yield Check("test rows", rows >= gate.min_rows, f"{rows:,}", f"at least {gate.min_rows:,}")
    yield at_least("accuracy", found["accuracy"], gate.min_accuracy)
    yield at_least("macro F1", found["macro_f1"], gate.min_macro_f1)
    yield at_most("calibration error", found["ece"], gate.max_ece)
    for name, bound in gate.scores.items():
        if name not in found:
            raise ConfigError(
                f"gate.scores: {name!r} is no score of this project; it measures {sorted(found)}"
            )
        score = SCORES[name]
        compare = at_least if score.better == "higher" else at_most
        yield compare(score.title, found[name], bound)
    weakest = min(evidence.recalls, key=lambda name: evidence.recalls[name])
    yield at_least("recall of each class", evidence.recalls[weakest], gate.min_recall, weakest)
    if slice_name := slices.worst(evidence.slices):
        share = evidence.slices[slice_name]["accuracy"]
        yield at_least("worst slice", share, gate.min_worst_slice, slice_name)
    for result in evidence.behaviour:
        if result.pass_rate is not None:
            yield at_least(f"behaviour: {result.name}", result.pass_rate, result.min_pass_rate)
    yield at_most("latency, p95 ms", evidence.milliseconds, gate.max_latency_ms)
    yield at_most("size, MB", evidence.megabytes, gate.max_size_mb)
