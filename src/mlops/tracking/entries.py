"""A line of a journal: what it must hold, and what becomes of a damaged one."""

import json
from typing import Any

Entry = dict[str, Any]

DAMAGED = "damaged"
# What an entry of each kind has beside its kind and time.
KINDS: dict[str, dict[str, type]] = {
    "run": {},
    "params": {"values": dict},
    "tags": {"values": dict},
    "metrics": {"step": int, "values": dict},
    "dataset": {"name": str, "digest": str, "source": str},
    "files": {"folder": str, "to": str},
    "status": {"value": str},
}


def parse(line: bytes) -> Entry:
    """Return the entry of a line; one that a power cut or a hand has damaged is of its own kind."""
    try:
        entry = json.loads(line)
        wanted = {"time": int, **KINDS[entry["kind"]]}
        if all(isinstance(entry[key], kind) for key, kind in wanted.items()):
            return dict(entry)
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    return {"kind": DAMAGED}
