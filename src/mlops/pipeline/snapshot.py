"""Take a snapshot of what the configuration names: changed content is a changed parameter.

Reads: the files and folders named by data.*_path and model.pretrained; sources.lock, and the remote
    sources only where it does not pin them yet or a refresh is asked for
Writes: sources.lock
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops.config.schema import Change, Data, Params, Snapshot
from mlops.core.hashing import digest
from mlops.tables import local as local_files
from mlops.tables import pins
from mlops.tables.pins import Pin, Role

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
    found = {name: _candidates(name, _named(values, name)) for name in SOURCES}
    return {name: paths for name, paths in found.items() if paths}


def taken(params: Params, previous: Mapping[str, Any], refresh: bool = False) -> Params:
    """Return the configuration with the hashes of its inputs.

    A hash in `previous` stands where its local file is absent: somebody else has the file, and what
    was made from it can come out of the cache.
    """
    values = params.model_dump()
    hashes = {name: _hash(name, values, previous) for name in SOURCES}
    found = _pinned(params.data, refresh)
    hashes |= {name: pin.fingerprint for name, pin in found.items()}
    snapshot = Snapshot(**hashes, changes=_changes(params.data, found) or None)
    return params.model_copy(update={"snapshot": snapshot})


def _pinned(data: Data, refresh: bool) -> dict[Role, Pin]:
    """Return the pins of the remote sources by their roles."""
    urls = {role: url for role, url in pins.paths(data).items() if url and pins.remote(url)}
    known = pins.load() if urls else {}
    if refresh or not set(urls.values()) <= known.keys():
        # Only here: what it takes to look at a source takes seconds to load.
        from mlops.pipeline import refresh as refreshing  # noqa: PLC0415

        known = refreshing.update(data, refresh)
    return {role: known[url] for role, url in urls.items()}


def _changes(data: Data, found: Mapping[Role, Pin]) -> dict[Role, Change]:
    """Return by split what the last refresh changed, where it was counted under these settings."""
    changes: dict[Role, Change] = {}
    for role, pin in found.items():
        if pin.previous and pin.changes is None:
            changes[role] = Change(previous=pin.previous, added=None, removed=None)
        elif pin.previous and pin.changes and pin.settings == pins.settings(role, data):
            changes |= {
                split: Change(previous=pin.previous, **counts)
                for split, counts in pin.changes.items()
            }
    return changes


def _hash(name: str, values: Mapping[str, Any], previous: Mapping[str, Any]) -> str | None:
    named = _named(values, name)
    for path in map(local_files.found, _candidates(name, named)):
        if path.exists():
            return digest(path)
    known = previous.get("snapshot") if named == _named(previous, name) else None
    found = known.get(name) if isinstance(known, dict) else None
    return found if isinstance(found, str) else None


def _named(values: Mapping[str, Any], name: str) -> str | None:
    section, key = SOURCES[name]
    holder = values.get(section)
    return holder.get(key) if isinstance(holder, dict) else None


def _candidates(name: str, named: str | None) -> list[Path]:
    """Return the paths that a configured name may mean on this machine."""
    if not named or named == "synthetic":
        return []
    path = meant(name, named)
    return [path] if path and _short(str(path)) else []


def meant(name: str, named: str) -> Path | None:
    """Return the local path that a source may mean to its reader; nothing where it means none."""
    if named.startswith("hf:"):  # hf:<folder>[:<config>][@<revision>][#<split>]
        named = re.split("[:@#]", named.removeprefix("hf:"))[0]
    elif name != "pretrained":
        return local_files.path(named)
    # Hugging Face's libraries take a path as it stands: a `~` is a name like any other.
    return Path(named) if named and "://" not in named else None


def _short(path: str) -> bool:
    """Tell whether a file can have this name: asking the system about a longer one is an error."""
    return len(path) < 1000 and all(len(part.encode()) < 256 for part in path.split("/"))
