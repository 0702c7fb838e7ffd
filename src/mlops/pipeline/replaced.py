"""Say before a run that it replaces the model of another experiment, and how that comes back.

Reads: ENV, EXP, SET, dvc.lock, models/model
Reads, writes: .dvc/tmp/asked.json, what the last run in this folder was asked for
"""

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops.core import dvc_lock, files
from mlops.core.names import asked_experiment

LAST = Path(".dvc/tmp/asked.json")
# What a model is made of, and the stages that make it.
SECTIONS = ("data", "prepare", "model", "training", "snapshot")
STAGES = ("ingest", "prepare", "train")
DEFAULTS = {"ENV": "dev", "EXP": "default", "SET": ""}

log = logging.getLogger(__name__)


def warn(previous: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Compare with the run that made the model: who asks for another may not want it gone."""
    asked = {name: os.environ.get(name) or default for name, default in DEFAULTS.items()}
    asked["EXP"] = asked_experiment() or DEFAULTS["EXP"]  # of a path its name
    state = (files.known(LAST) if LAST.is_file() else None) or {}
    if state.get("asked") == asked:
        return
    made = state.get("asked") if finished(previous) else state.get("made")
    other = made and any(made.get(name) != asked[name] for name in ("ENV", "EXP"))
    differs = any(previous.get(name) != now.get(name) for name in SECTIONS)
    if made and other and differs and Path(dvc_lock.MODEL).is_dir():
        log.info(
            "EXP=%s in %s replaces models/ and reports/ of EXP=%s in %s, which DVC's cache keeps: "
            "`%s` brings them back",
            asked["EXP"], asked["ENV"], made.get("EXP"), made.get("ENV"), command(made),
        )  # fmt: skip
    if Path(".dvc").is_dir():
        LAST.parent.mkdir(exist_ok=True)
        LAST.write_text(json.dumps({"asked": asked, "made": made}), encoding="utf-8")


def finished(values: Mapping[str, Any]) -> bool:
    """Tell whether dvc.lock names a model that was made with these values of params.yaml."""
    lock = dvc_lock.LOCK.read_text("utf-8", "replace") if dvc_lock.LOCK.exists() else ""
    known = dvc_lock.stages(lock)
    used = [known.get(name, {}).get("params", {}).get("params.yaml") for name in STAGES]
    return all(
        one and all(_value(values, key) == value for key, value in one.items()) for one in used
    )


def _value(values: Mapping[str, Any], key: str) -> Any:
    found: Any = values
    for step in key.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def command(asked: Mapping[str, Any]) -> str:
    """Return the command of a run; what is said without it is left out."""
    words = [
        f"{name}={json.dumps(asked[name]) if name == 'SET' else asked[name]}"
        for name, default in DEFAULTS.items()
        if asked.get(name, default) != default
    ]
    return " ".join(["make train", *words])
