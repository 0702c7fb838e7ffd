"""Which run trained a model: found by the model's content, however often the run moves.

Reads, writes: .runs/<model>.json
"""

import json
from typing import Any

from ml import places

Record = dict[str, Any]


def read(model_digest: str) -> Record | None:
    """Return what is known of the run that trained a model, or None."""
    path = places.run_record(model_digest)
    if not path.exists():
        return None
    record: Record = json.loads(path.read_text(encoding="utf-8"))
    return record


def write(model_digest: str, **values: Any) -> None:
    """Note more of it."""
    path = places.run_record(model_digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    record = {**(read(model_digest) or {}), **values}
    part = path.with_suffix(".part")
    part.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    part.replace(path)
