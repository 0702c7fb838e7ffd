"""What the report and the model card show."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops.config.schema import Params
from mlops.core import hashing
from mlops.evaluation.behaviour import Result
from mlops.evaluation.results import Baseline

SECTIONS = ("model", "training", "evaluate")  # of params.yaml; the others decide about the data


@dataclass(frozen=True)
class ReportData:
    """All that the report and the model card show."""

    metrics: dict[str, Any]  # as in reports/metrics.json
    labels: list[str]
    rows: dict[str, int]  # of each split
    synthetic: bool
    stats: dict[str, Any]  # as in reports/data.json
    params: Params
    lineage: dict[str, str]
    baselines: dict[str, Baseline]
    slices: dict[str, dict[str, float]]
    slices_left_out: dict[str, int]
    behaviour: list[Result]
    errors: list[dict[str, Any]]


def lineage(params: Params, inputs: Iterable[Path]) -> dict[str, str]:
    """Return the hashes of what the result was made from."""
    found = {str(path): hashing.digest(path) for path in inputs}
    for section in SECTIONS:
        values = json.dumps(getattr(params, section).model_dump(mode="json"), sort_keys=True)
        found[f"params.yaml {section}"] = hashlib.sha256(values.encode()).hexdigest()
    return found
