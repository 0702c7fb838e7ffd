"""Which run trained a model: found by the model's content, however often the run moves.

Reads, writes: .runs/<model>.json
"""

import logging
from typing import Any

from mlops.core import files, paths
from mlops.tracking import server

Record = dict[str, Any]
KEYS = ("environment", "tracking_uri", "run_id")

log = logging.getLogger(__name__)


def read(model_digest: str) -> Record | None:
    """Return the run that trained a model; None where it is unknown or the file is damaged."""
    path = paths.run_record(model_digest)
    if not path.exists():
        return None
    found = files.known(path)
    if found is None or not all(isinstance(found.get(key), str) for key in KEYS):
        files.set_aside(path)
        log.warning(
            "warning: .runs/%s is damaged and was set aside: which MLflow run trained this model "
            "is unknown here now; what follows goes into a new run, tagged `restored`",
            path.name,
        )
        return None
    return {**found, "tracking_uri": server.get_current_name(found["tracking_uri"])}


def write(model_digest: str, **values: Any) -> None:
    """Update the record of the run that trained a model."""
    record = {**(read(model_digest) or {}), **values}
    files.write_json(paths.run_record(model_digest), record)
