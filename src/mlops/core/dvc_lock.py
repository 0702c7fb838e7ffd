"""DVC's hashes of what a run was made of and made, as far as they hold now.

Reads: dvc.lock, the variable DVC_STAGE, models/model/
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mlops.core import hashing

LOCK = Path("dvc.lock")
MODEL = "models/model"
STAGES = ("compose", "ingest", "prepare", "train", "evaluate", "export")
TAGS = {"data.raw.md5": "data/raw", "data.prepared.md5": "data/prepared", "model.md5": MODEL}


def current() -> str:
    """Return the part of dvc.lock that describes the work tree as it is; nothing if none does.

    While DVC runs a stage, only the stages before it have been brought up to date. Whoever runs one
    by hand may have changed what DVC last saw: then the lock must at least know the model.
    """
    text = LOCK.read_text(encoding="utf-8") if LOCK.exists() else ""
    running = os.environ.get("DVC_STAGE", "").rpartition(":")[2]
    if running in STAGES:
        before = STAGES[: STAGES.index(running)]
        known = {name: stage for name, stage in stages(text).items() if name in before}
        lock = {"schema": "2.0", "stages": known}
        return yaml.safe_dump(lock, sort_keys=False, allow_unicode=True) if known else ""
    model = Path(MODEL)
    return text if model.exists() and hashes(text).get(MODEL) == hashing.dvc(model) else ""


def stages(text: str) -> dict[str, Any]:
    """Return the stages of a dvc.lock; none if it cannot be read."""
    try:
        found = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError:  # a merge conflict
        return {}
    known = found.get("stages") if isinstance(found, dict) else None
    return known if isinstance(known, dict) else {}


def hashes(text: str) -> dict[str, str]:
    """Return the MD5 of each path that the stages of a dvc.lock read or write."""
    found: dict[str, str] = {}
    for kind in ("deps", "outs"):  # what a stage made counts more than what another one read
        for stage in stages(text).values():
            found |= {part["path"]: part["md5"] for part in stage.get(kind, []) if "md5" in part}
    return found


def tags(text: str) -> dict[str, str]:
    """Return the tags that lead from data and model to a run."""
    found: Mapping[str, str] = hashes(text)
    return {tag: found[path] for tag, path in TAGS.items() if path in found}
