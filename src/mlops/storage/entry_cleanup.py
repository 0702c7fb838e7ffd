"""Remove the run-cache entries that are broken or false, in each place and in dvc.lock.

Reads: run-cache entries of cache and remote, the small outputs in which a stage records its values
Writes: the run-cache in both places, dvc.lock
"""

import json
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dvc.repo import Repo
from dvc.stage.serialize import to_single_stage_lockfile
from dvc.utils.serialize import dump_yaml, load_yaml

from mlops.storage import false_entries, run_cache_entries
from mlops.storage.object_stores import Object, Store, copied
from mlops.storage.run_cache_entries import Entries

LOCK = "dvc.lock"
THREADS = 16


@dataclass
class EntryCleanup:
    """The entries of a project, and what was removed."""

    repo: Repo
    places: list[Entries]
    objects: list[Store]
    found_in: dict[str, list[Entries]] = field(default_factory=lambda: defaultdict(list))
    entries: dict[str, false_entries.Entry] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    unlocked: list[str] = field(default_factory=list)
    _documents: dict[str, Any] = field(default_factory=dict)

    def run(self) -> None:
        """Check all entries; remove what is broken or false."""
        with ThreadPoolExecutor(THREADS) as pool:
            for place in self.places:
                names = list(place.names())
                for name, text in zip(names, pool.map(place.read, names), strict=True):
                    self._add(place, name, text)
        stages = self._add_locked()
        wrong = false_entries.find(self.entries, self.read_record)
        for name, why in wrong.items():
            self._remove(name, why)
        self._unlock([stage for stage, name in stages.items() if name in wrong])

    def read_record(self, entry: false_entries.Entry, path: str) -> Any:
        """Return the JSON of an output or input of an entry; None where no place has it whole."""
        for item in (*entry.get("deps", ()), *entry["outs"]):
            if path == item["path"]:
                return self._read_json(item["md5"])
            if path.startswith(f"{item['path']}/"):
                inside = path.removeprefix(f"{item['path']}/")
                listed = self._read_json(item["md5"]) or []
                found = [one["md5"] for one in listed if one["relpath"] == inside]
                return self._read_json(found[0]) if found else None
        return None

    def lines(self) -> list[str]:
        """Return what was found, in words."""
        places = ", ".join(one.place for one in self.places)
        total = f"{len(self.entries)} run-cache entries checked in {places}"
        return [*self.removed, *self.unlocked, total]

    def _add(self, place: Entries, name: str, text: bytes) -> None:
        if entry := run_cache_entries.parse_entry(name, text):
            self.entries[name] = entry
            self.found_in[name].append(place)
        else:
            place.remove(name)
            self.removed.append(
                f"run-cache entry {name[:8]} of the {place.place}: its content does not match its "
                "name: removed"
            )

    def _add_locked(self) -> dict[str, str]:
        """Add the stages of the lock as entries: the run-cache may have lost them."""
        found = {}
        stages = {stage.addressing: stage for stage in self.repo.index.stages}
        for name, (key, value) in run_cache_entries.read_lock(self.repo).items():
            found[name] = f"{key}/{value}"
            self.entries.setdefault(found[name], to_single_stage_lockfile(stages[name]))
        return found

    def _remove(self, name: str, why: str) -> None:
        for place in self.found_in[name]:
            place.remove(name)
        if places := " and ".join(place.place for place in self.found_in[name]):
            self.removed.append(
                f"run-cache entry {name[:8]} ({self.entries[name]['cmd']}) of the {places}: {why}: "
                "removed"
            )

    def _unlock(self, stages: list[str]) -> None:
        """Take stages out of the lock, so that the next run makes them again."""
        if stages:
            lock = load_yaml(LOCK)
            for stage in stages:
                del lock["stages"][stage]
                self.unlocked.append(
                    f"{LOCK}: its outputs of {stage} do not come from its inputs: removed"
                )
            if lock["stages"]:
                dump_yaml(LOCK, lock)
            else:
                Path(LOCK).unlink()  # DVC reads none without stages

    def _read_json(self, oid: str) -> Any:
        if oid not in self._documents:
            self._documents[oid] = None
            one = Object(Path(), oid, Path(self.repo.cache.local.oid_to_path(oid)))
            if intact := next((store for store in self.objects if store.is_intact(one)), None):
                with copied(intact, one) as copy, suppress(ValueError):
                    self._documents[oid] = json.loads(copy.read_bytes())
        return self._documents[oid]
