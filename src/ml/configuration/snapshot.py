"""Hash the local files that the configuration names: changed content is a changed parameter.

Reads: the files and folders named by data.*_path and model.pretrained
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml.config import Params, Snapshot
from ml.hashing import digest

SOURCES = {
    "train": ("data", "train_path"),
    "val": ("data", "val_path"),
    "test": ("data", "test_path"),
    "pretrained": ("model", "pretrained"),
}


def inputs(params: Params) -> list[Path]:
    """List the local files and folders that the configuration may mean, present or not."""
    return sorted({path for paths in local(params.model_dump()).values() for path in paths})


def local(values: Mapping[str, Any]) -> dict[str, list[Path]]:
    """Return the local paths that each source may mean, of those that name any."""
    found = {name: list(map(Path, _candidates(_named(values, name)))) for name in SOURCES}
    return {name: paths for name, paths in found.items() if paths}


def taken(params: Params, previous: Mapping[str, Any]) -> Params:
    """Return the configuration with the hashes of its local inputs.

    A hash in `previous` stands where its file is absent: somebody else has the file, and what was
    made from it can come out of the cache.
    """
    values = params.model_dump()
    hashes = {name: _hash(name, values, previous) for name in SOURCES}
    return params.model_copy(update={"snapshot": Snapshot(**hashes)})


def _hash(name: str, values: Mapping[str, Any], previous: Mapping[str, Any]) -> str | None:
    named = _named(values, name)
    for path in _candidates(named):
        if Path(path).exists():
            return digest(Path(path))
    known = previous.get("snapshot") if named == _named(previous, name) else None
    found = known.get(name) if isinstance(known, dict) else None
    return found if isinstance(found, str) else None


def _named(values: Mapping[str, Any], name: str) -> str | None:
    section, key = SOURCES[name]
    holder = values.get(section)
    return holder.get(key) if isinstance(holder, dict) else None


def _candidates(named: str | None) -> list[str]:
    """Return the paths that a configured name may mean on this machine."""
    if not named or named == "synthetic":
        return []
    path = named.removeprefix("file://")
    if named.startswith("hf:"):  # hf:<folder>[:<config>][@<revision>][#<split>]
        path = re.split("[:@#]", named.removeprefix("hf:"))[0]
    return [path] if path and "://" not in path and _short(path) else []


def _short(path: str) -> bool:
    """Tell whether a file can have this name: asking the system about a longer one is an error."""
    return len(path) < 1000 and all(len(part.encode()) < 256 for part in path.split("/"))
