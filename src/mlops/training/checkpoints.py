"""Checkpoints of a training that can be trusted: whole, and as they were written.

Reads, writes: .checkpoints/<key>/: checkpoint-<step>/, best.safetensors with best.json
"""

import json
import logging
import re
import shutil
from pathlib import Path
from typing import Any

from safetensors.torch import load_model, save_file
from transformers import PreTrainedModel

from mlops.core import files, hashing
from mlops.core.errors import ModelError

log = logging.getLogger(__name__)

SEAL = "sha256.json"
STATE = "trainer_state.json"
BEST = "best.safetensors"
UNFINISHED = "unfinished"  # by a kill


def seal(checkpoint: Path) -> None:
    """Note the hash of each file of a checkpoint, and forget the ones before it."""
    found = {path.name: hashing.digest(path) for path in checkpoint.iterdir() if path.name != SEAL}
    files.write_json(checkpoint / SEAL, found)
    for other in _all(checkpoint.parent):
        if other != checkpoint:
            shutil.rmtree(other)


def newest(folder: Path, stopping: bool) -> Path | None:
    """Return the newest checkpoint that is as it was written; others are removed.

    `stopping`: the training stops early, so that it needs its best weights as well.
    """
    for checkpoint in reversed(_all(folder)):
        wrong = _damage(checkpoint, stopping)
        if not wrong:
            return checkpoint
        if wrong != UNFINISHED:
            log.warning("warning: %s cannot be used: %s", checkpoint.name, wrong)
        shutil.rmtree(checkpoint)
        if not _all(folder):
            log.warning("warning: no usable checkpoint is left; training starts from the beginning")
    return None


def keep_best(model: PreTrainedModel, folder: Path) -> None:
    """Write the best weights so far; a kill in between leaves those before."""
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    best = folder / BEST
    partial = best.with_suffix(".partial")
    save_file(weights, partial)
    before = hashing.digest(best) if best.exists() else None
    files.write_json(_note(folder), {"sha256": hashing.digest(partial), "before": before})
    partial.replace(best)


def load_best(model: PreTrainedModel, folder: Path) -> None:
    """Take the best weights."""
    if not (folder / BEST).exists():
        raise ModelError(
            "the validation loss was NaN or infinite after every epoch; lower "
            "training.learning_rate or training.max_grad_norm"
        )
    load_model(model, folder / BEST)


def _all(folder: Path) -> list[Path]:
    """Return the checkpoints, the oldest first."""
    found = [path for path in folder.glob("checkpoint-*") if re.fullmatch(r".*-\d+", path.name)]
    return sorted(found, key=lambda path: int(path.name.split("-")[1]))


def _damage(checkpoint: Path, stopping: bool) -> str:
    if not (checkpoint / SEAL).exists():
        return UNFINISHED
    wanted: dict[str, Any] = files.known(checkpoint / SEAL) or {}
    there = {path.name: hashing.digest(path) for path in checkpoint.iterdir() if path.name != SEAL}
    different = sorted(name for name in {*wanted, *there} if wanted.get(name) != there.get(name))
    if different or STATE not in there:
        return f"{(different or [STATE])[0]} is damaged"
    log_history = json.loads((checkpoint / STATE).read_bytes())["log_history"]
    validated = any("eval_loss" in entry for entry in log_history)
    needed = stopping and validated
    return f"{BEST} is damaged" if needed and not _best_is_whole(checkpoint.parent) else ""


def _best_is_whole(folder: Path) -> bool:
    noted, best = files.known(_note(folder)) or {}, folder / BEST
    return best.exists() and hashing.digest(best) in (noted.get("sha256"), noted.get("before"))


def _note(folder: Path) -> Path:
    return folder / "best.json"
