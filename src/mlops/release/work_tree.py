"""Whether the work tree holds what the pipeline made: files and values as dvc.lock has them.

Reads: dvc.lock, params.yaml, what is compared
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from mlops.config.schema import PARAMS
from mlops.core import dvc_lock, hashing
from mlops.core.errors import GateError

DATA = "data/prepared"
MADE = (
    DATA, "models/model", "models/serving", "reports/data.json", "reports/export.json",
    "reports/metrics.json", "reports/model_card.md", "reports/predictions.parquet",
)  # fmt: skip
SHOWN = 3


def check(environment: str, paths: Sequence[str] = MADE) -> None:
    """Refuse files that are not those that the pipeline made, and values that it did not have."""
    text = dvc_lock.LOCK.read_text(encoding="utf-8") if dvc_lock.LOCK.is_file() else ""
    if not dvc_lock.stages(text):
        raise GateError(
            f"{environment} only accepts what the pipeline made, but {dvc_lock.LOCK} has no run; "
            f"run `make train ENV={environment}`"
        )
    if changed := [*_files(text, paths)]:
        raise GateError(
            f"{environment} only accepts what the pipeline made, but {'; '.join(changed)}. "
            f"`dvc checkout --force {changed[0].split()[0]}` brings back what was made, "
            f"`make train ENV={environment}` makes it again"
        )
    if other := [*_values(text)] if paths is MADE else []:
        more = f" and {len(other) - SHOWN} more" if len(other) > SHOWN else ""
        raise GateError(
            f"{PARAMS} has other values than those of the last run: {', '.join(other[:SHOWN])}"
            f"{more}. `make train ENV={environment}` runs with the values that count"
        )


def _files(text: str, paths: Sequence[str]) -> Iterator[str]:
    known = dvc_lock.hashes(text)
    for name in paths:
        path = Path(name)
        if name not in known:
            yield f"{name} is not in {dvc_lock.LOCK}"
        elif not path.exists():
            yield f"{name} is missing"
        elif hashing.dvc(path) != known[name]:
            yield f"{name} has been changed since (it differs from {dvc_lock.LOCK})"


def _values(text: str) -> Iterator[str]:
    """Yield the keys whose values a stage did not have when it ran."""
    here = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
    for stage in dvc_lock.stages(text).values():
        for key, value in stage.get("params", {}).get(PARAMS.name, {}).items():
            if not same(_at(here, key), value):
                yield key


def _at(values: Any, key: str) -> Any:
    for step in key.split("."):
        values = values.get(step) if isinstance(values, Mapping) else None
    return values


def same(one: Any, other: Any) -> bool:
    """Compare values; 1e-05, as DVC writes it, is a text to who reads YAML 1.1."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, str):
        try:
            return math.isclose(one, float(other), rel_tol=1e-12)
        except ValueError:
            return False
    return bool(one == other)
