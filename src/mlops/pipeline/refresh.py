"""Pin the remote sources of a configuration, and count what a refresh changes in their rows.

Reads: the remote sources; data/raw of the last run, where a store keeps no versions
Writes: sources.lock
"""

import json
import logging
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from mlops.config.schema import Data
from mlops.core.errors import DataError
from mlops.tables import pins, remote, sources, splits
from mlops.tables.pins import ROLES, Changes, File, Pin, Role, paths, settings, shares

log = logging.getLogger(__name__)

Keys = npt.NDArray[np.uint64]
Batches = Iterator[tuple[Role, pa.RecordBatch]]  # with their splits
Hashes = dict[tuple[Role, str], Keys]  # by split and label, a hash of each text


def update(data: Data, again: bool) -> dict[str, Pin]:
    """Pin the sources that have no pin yet, or all of this configuration anew; return all pins."""
    known = pins.load()
    fresh = {
        url: _pin(role, data, known.get(url))
        for role, url in paths(data).items()
        if url and pins.remote(url) and (again or url not in known)
    }
    if fresh != {url: known.get(url) for url in fresh}:
        pins.save(known | fresh)
    return known | fresh


def _pin(role: Role, data: Data, before: Pin | None) -> Pin:
    url = str(paths(data)[role])
    now = Pin(remote.take(url))
    if before is None:
        log.info("pinned %s (files: %d)", url, len(now.files))
        return now
    if now.fingerprint == before.fingerprint:
        log.info("%s has not changed", url)
        return replace(before, files=now.files)
    changes = compare(role, data, before, now)
    log.info("%s has changed; %s", url, _described(changes))
    return Pin(now.files, before.fingerprint, changes, settings(role, data))


def compare(role: Role, data: Data, before: Pin, now: Pin) -> Changes | None:
    """Count the rows that only one of two snapshots has; None if the old rows are gone.

    What counts is text, label and split. Files in both need no look: they add the same to each.
    """
    gone, new = _without(before.files, now.files), _without(now.files, before.files)
    had = _versions(role, data, gone)
    if had is None:
        new, had = now.files, _last_run(role, data, before)
    if had is None:
        return None
    has = hashes(_rows(role, data, new))
    changes: Changes = {split: {"added": {}, "removed": {}} for split in _splits(role, data)}
    none = np.array([], dtype=np.uint64)
    for split, label in sorted(had.keys() | has.keys()):
        one, other = had.get((split, label), none), has.get((split, label), none)
        for what, count in (("added", surplus(other, one)), ("removed", surplus(one, other))):
            if count:
                changes[split][what][label] = count
    return changes


def surplus(one: Keys, other: Keys) -> int:
    """Return how many of `one` are not in `other`; what is there twice counts twice."""
    keys, counts = np.unique(one, return_counts=True)
    theirs = np.sort(other)
    have = np.searchsorted(theirs, keys, "right") - np.searchsorted(theirs, keys, "left")
    return int(np.maximum(counts - have, 0).sum())


def hashes(batches: Batches) -> Hashes:
    """Return a 64-bit hash of each text, by split and label: all that comparing needs."""
    parts: dict[tuple[Role, str], list[Keys]] = defaultdict(list)
    for split, batch in batches:
        keys = pl.Series("key", batch.column("text"), dtype=pl.String).hash()
        table = pl.DataFrame([keys, pl.Series("label", batch.column("label"), dtype=pl.String)])
        for (label,), rows in table.group_by("label"):
            parts[split, str(label or "")].append(rows["key"].to_numpy())
    return {place: np.concatenate(found) for place, found in parts.items()}


def _rows(role: Role, data: Data, files: list[File]) -> Batches:
    if not files:
        return
    url = str(paths(data)[role])
    source = splits.standard(sources.read(url, role, data, Pin(files)), data)
    for batch in source.batches:
        if role != "train":
            yield role, batch
            continue
        places = splits.assign(batch.column("text"), *shares(data))
        for split in _splits(role, data):
            yield split, batch.filter(pa.array(places == split))


def _versions(role: Role, data: Data, files: list[File]) -> Hashes | None:
    """Return the rows of files as they were, if their store still has them."""
    if not all(file.version for file in files):
        return None
    try:
        return hashes(_rows(role, data, files))
    except DataError:  # let go, or without a column that is named now
        return None


def _last_run(role: Role, data: Data, before: Pin) -> Hashes | None:
    """Return the rows of the last run, if it read what was pinned, in the same way."""
    from mlops.pipeline import last_output  # noqa: PLC0415  # DVC, half a second

    made = last_output.opened(str(splits.RAW / "source.json"))
    pinned = json.load(made).get("pinned", {}).get(role) if made else None
    if pinned != {"fingerprint": before.fingerprint, **settings(role, data)}:
        return None
    names = _splits(role, data)
    files = {name: last_output.opened(str(splits.RAW / f"{name}.parquet")) for name in names}
    if None in files.values():
        return None
    return hashes(
        (split, batch)
        for split, file in files.items()
        for batch in pq.ParquetFile(file).iter_batches(columns=["text", "label"])
    )


def _splits(role: Role, data: Data) -> list[Role]:
    """Return the splits that are made of a source."""
    off = [name for name in ROLES if not paths(data)[name]]
    return [role, *off] if role == "train" else [role]


def _without(files: list[File], others: list[File]) -> list[File]:
    same = {(file.name, file.size, file.etag) for file in others}
    return [file for file in files if (file.name, file.size, file.etag) not in same]


def _described(changes: Changes | None) -> str:
    if changes is None:
        return "what changed is unknown: the rows before are in no version and no cache"
    total: dict[str, Any] = {
        what: sum(sum(split[what].values()) for split in changes.values())
        for what in ("added", "removed")
    }
    return f"{total['added']:,} rows added, {total['removed']:,} removed"
