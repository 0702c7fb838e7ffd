"""The state of code, configuration and data that a run was made from.

Reads: the Git repository, params.yaml, dvc.lock, sources.lock
"""

import hashlib
import logging
import sys
from dataclasses import dataclass
from pathlib import Path

from mlops.config.schema import PARAMS, Snapshot
from mlops.core import dvc_lock, revision

log = logging.getLogger(__name__)

SOURCES = Path("sources.lock")  # what remote data were read, where any are
DIFF = "code.diff"
SHOWN = 5  # changed files that a warning names


@dataclass(frozen=True)
class State:
    """What a run carries: tags, and files by their name."""

    tags: dict[str, str]
    files: dict[str, bytes]


def read_state() -> State:
    """Return the state of the work tree."""
    tags, files = revision.tags(), {}
    if PARAMS.exists():
        files[PARAMS.name] = PARAMS.read_bytes()
    if locked := dvc_lock.current():
        files[dvc_lock.LOCK.name] = locked.encode()
        tags |= dvc_lock.tags(locked)
    if SOURCES.exists():
        files[SOURCES.name] = SOURCES.read_bytes()
    if tags.get("git.dirty", "no") != "no":
        found = revision.difference()
        tags["git.diff"] = f"withheld: {found.withheld}" if found.withheld else DIFF
        if found.patch and not found.withheld:
            files[DIFF] = found.patch
            tags["git.diff.sha256"] = hashlib.sha256(found.patch).hexdigest()
    return State(tags, files)


def rows_changed(snapshot: Snapshot) -> dict[str, int]:
    """Return how many rows of all splits the last refresh added and removed, where known."""
    changes = [one for one in (snapshot.changes or {}).values() if one.added is not None]
    if not changes:
        return {}
    return {
        "data.rows_added": sum(sum((one.added or {}).values()) for one in changes),
        "data.rows_removed": sum(sum((one.removed or {}).values()) for one in changes),
    }


def describe_source() -> dict[str, str]:
    """Return MLflow's own tags without a folder of this machine, and without Git's password."""
    name = f"ml.{Path(sys.argv[0]).stem}"
    return {"mlflow.source.name": name, "mlflow.source.git.repoURL": revision.address()}


def warn() -> None:
    """Warn that what is about to be trained is in no commit."""
    files = revision.changed()
    if files:
        more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
        found = revision.difference()
        carries = f"no {DIFF}: {found.withheld}" if found.withheld else DIFF
        log.warning(
            "WARNING: DIRTY: %s%s differ from the commit; the run is tagged git.dirty and carries "
            "%s. Commit first for a run that others can rebuild.",
            ", ".join(files[:SHOWN]),
            more,
            carries,
        )
