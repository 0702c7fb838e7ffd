"""The recipe of a run: all that is needed to build it again."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from mlops.config.schema import PARAMS
from mlops.core import dvc_lock
from mlops.core.errors import LineageError
from mlops.lineage import comparison
from mlops.lineage.comparison import Recorded
from mlops.lineage.trace import Trace
from mlops.tracking import provenance


@dataclass(frozen=True)
class Recipe:
    """What a run recorded of how it was made."""

    name: str
    recorded: Recorded
    values: Mapping[str, Any]
    sources: bytes
    patch: bytes
    metrics: Mapping[str, float]

    @property
    def tags(self) -> Mapping[str, str]:
        """The tags of the run."""
        return self.recorded.tags


def read(found: Trace) -> Recipe:
    """Read what is needed to build a run again; raise LineageError where anything is missing."""
    if not found.run:
        raise LineageError(
            f"no MLflow store here has a run of {found.asked} "
            f"(model {found.metadata.get('model.sha256', 'of unknown hash')}); name the store: "
            "MLFLOW_TRACKING_URI=... or ENV=..."
        )
    tags, locked = found.run.tags, found.artifact(dvc_lock.LOCK.name).decode()
    values = yaml.safe_load(found.artifact(PARAMS.name) or b"{}")
    lacking = [
        name
        for name, there in (("git.commit", tags.get("git.commit")), (PARAMS.name, values),
                            (dvc_lock.LOCK.name, dvc_lock.stages(locked)))
        if not there
    ]  # fmt: skip
    if lacking:
        raise LineageError(
            f"run {found.run.run_id} lacks {', '.join(lacking)}; only a run of "
            "`make train` in a Git repository can be rebuilt"
        )
    sources = found.artifact(provenance.SOURCES.name)
    recorded = Recorded(locked, tags, {**_reports(found, locked), **found.files})
    for part in comparison.PARTS:
        if other := recorded.contradiction(part):
            raise LineageError(
                f"run {found.run.run_id} is not reproduced: {part} is the first part that differs; "
                f"the records contradict each other, {recorded.hash(part)} and {other}: a tag of "
                "the run, its dvc.lock or an output was changed"
            )
    patch, metrics = _patch(found, tags), found.run.metrics
    return Recipe(found.run.run_id, recorded, values, sources, patch, metrics)


def _patch(found: Trace, tags: Mapping[str, str]) -> bytes:
    """Return how the code differed from its commit; nothing where it did not, or nobody knows."""
    if tags.get("git.dirty") != "yes" or tags.get("git.diff") != provenance.DIFF:
        return b""
    patch = found.artifact(provenance.DIFF)
    if hashlib.sha256(patch).hexdigest() != tags.get("git.diff.sha256"):
        raise LineageError(
            f"{provenance.DIFF} is not that of the run's tag git.diff.sha256: it was changed after "
            "the run, so it is unknown what was trained"
        )
    return patch


def _reports(found: Trace, locked: str) -> dict[str, str]:
    """Return the hashes of the reports of the run, where its dvc.lock has none."""
    known = dvc_lock.hashes(locked)
    names = [part for part in comparison.PARTS if part.startswith("reports/") and part not in known]
    carried = {name: found.artifact(name) for name in names}
    return {
        name: hashlib.md5(content, usedforsecurity=False).hexdigest()
        for name, content in carried.items()
        if content
    }
