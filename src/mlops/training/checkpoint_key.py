"""The name of a training's checkpoints: a hash of all that decides what comes of it.

Reads: dvc.yaml, and the code that its stage `train` depends on
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import reduce
from pathlib import Path

import torch
import transformers
import yaml

from mlops.config.schema import Params
from mlops.core import hashing
from mlops.training import hardware

ROOT = Path(__file__).parents[3]  # of the code that runs: a queued experiment has its own
DATA = "data/prepared"


def key(params: Params, data: Mapping[str, str], root: Path = ROOT) -> str:
    """Return the key, so that a checkpoint only serves its own training.

    `data` has the digests of what is read of data/prepared: of its test split nothing is.
    """
    stage = yaml.safe_load((root / "dvc.yaml").read_bytes())["stages"]["train"]
    values = params.model_dump()
    inputs = {
        "params": {
            name: reduce(dict.__getitem__, name.split("."), values) for name in stage["params"]
        },
        "data": dict(data),
        "files": {
            path.relative_to(root).as_posix(): hashing.digest(path)
            for name in stage["deps"]
            if name != DATA
            for path in _files(root / name)
        },
        "packages": [torch.__version__, transformers.__version__],
        "device": _device(params),
    }
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]


def _device(params: Params) -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return "mps" if hardware.uses_apple(params.resources) else "cpu"


def _files(path: Path) -> Iterator[Path]:
    """Give a file, or the files of a folder, but for what Python compiles beside them."""
    if path.is_file():
        yield path
    for inner in path.rglob("*"):
        if inner.is_file() and inner.parent.name != "__pycache__":
            yield inner
