"""Whether a pod answers held-out rows as its model did when it was evaluated.

What is wrong between a model and its answers (classes in another order, under other names, one for
all) may leave errors, latency and even the shares of the classes as they were. Here it costs no
request of anybody.

Reads: reports/predictions.parquet of the registered version
"""

import tempfile
from pathlib import Path
from typing import Any

import polars as pl

from mlops.core.errors import OperateError
from mlops.deployment.smoke_test import Pod
from mlops.operate.progressive import intervals
from mlops.operate.progressive.intervals import Part
from mlops.operate.progressive.verdict import Z
from mlops.release.versions import version_files
from mlops.release.versions.registry import Registry, Version

ROWS = 200
AT_ONCE = 50  # texts in a request
REPORT = "predictions.parquet"


def rows(registry: Registry, version: Version) -> list[tuple[str, str]]:
    """Return held-out texts of a version, each with the class that it was given then."""
    with tempfile.TemporaryDirectory(prefix="reports-") as folder:
        path = version_files.fetch(registry, version, Path(folder), "reports") / REPORT
        table = pl.read_parquet(path, columns=["text", "predicted"])
    step = max(1, table.height // ROWS)
    return list(table.gather_every(step).head(ROWS).iter_rows())


def check(pod: Pod, asked: list[tuple[str, str]], agree: float) -> str:
    """Return how often a pod agrees; raise OperateError where that is surely too rarely."""
    same = 0
    for start in range(0, len(asked), AT_ONCE):
        part = asked[start : start + AT_ONCE]
        found = _labels(pod, [text for text, _ in part])
        same += sum(label == then for label, (_, then) in zip(found, part, strict=True))
    agreed = Part(same, len(asked))
    text = f"{same} of {len(asked)} held-out rows are answered as when they were evaluated"
    if intervals.share(agreed, Z).high < agree:
        raise OperateError(
            f"only {text}, expected {agree:.1%} (export.labels_agree): what {pod.name} answers is "
            "not what its model was accepted for"
        )
    return text


def _labels(pod: Pod, texts: list[str]) -> list[Any]:
    try:
        found = pod.ask("/predict", {"texts": texts})["results"]
        return [one.get("label") for one in found]
    except (OSError, KeyError, TypeError, AttributeError) as error:
        raise OperateError(f"{pod.name} cannot predict a list of texts: {error!r}") from None
