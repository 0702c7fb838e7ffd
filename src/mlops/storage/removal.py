"""Find the run-cache entries that are broken or false, on each side and in dvc.lock; remove them.

Reads: run-cache entries of cache and remote, the small outputs in which a stage records its values
Writes: the run-cache on both sides, dvc.lock
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

from mlops.storage import contradictions, entries
from mlops.storage.entry_stores import Runs
from mlops.storage.objects import Object, Side, copied

LOCK = "dvc.lock"
THREADS = 16


@dataclass
class Weeding:
    """What is known of the entries of a project, and what was removed."""

    repo: Repo
    runs: list[Runs]
    objects: list[Side]
    places: dict[str, list[Runs]] = field(default_factory=lambda: defaultdict(list))
    said: dict[str, contradictions.Said] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    undone: list[str] = field(default_factory=list)
    _seen: dict[str, Any] = field(default_factory=dict)

    def run(self) -> None:
        """Look at all entries; remove what is broken or false."""
        with ThreadPoolExecutor(THREADS) as pool:
            for runs in self.runs:
                names = list(runs.names())
                for name, text in zip(names, pool.map(runs.read, names), strict=True):
                    self._take(runs, name, text)
        stages = self._of_lock()
        wrong = contradictions.false(self.said, self.record)
        for name, why in wrong.items():
            self._remove(name, why)
        self._undo([stage for stage, name in stages.items() if name in wrong])

    def record(self, said: contradictions.Said, path: str) -> Any:
        """Return what an output or an input of an entry records; None where nobody has it whole."""
        for item in (*said.get("deps", ()), *said["outs"]):
            if path == item["path"]:
                return self._json(item["md5"])
            if path.startswith(f"{item['path']}/"):
                inside = path.removeprefix(f"{item['path']}/")
                listed = self._json(item["md5"]) or []
                found = [one["md5"] for one in listed if one["relpath"] == inside]
                return self._json(found[0]) if found else None
        return None

    def lines(self) -> list[str]:
        """Return what was found, in words."""
        places = ", ".join(runs.place for runs in self.runs)
        told = f"{len(self.said)} run-cache entries looked at in {places}"
        return [*self.removed, *self.undone, told]

    def _take(self, runs: Runs, name: str, text: bytes) -> None:
        if said := entries.parsed(name, text):
            self.said[name] = said
            self.places[name].append(runs)
        else:
            runs.remove(name)
            self.removed.append(
                f"run-cache entry {name[:8]} of the {runs.place}: its content is not what its name "
                "says: removed"
            )

    def _of_lock(self) -> dict[str, str]:
        """Take the stages of the lock for entries, too: the run-cache may have lost them."""
        found = {}
        stages = {stage.addressing: stage for stage in self.repo.index.stages}
        for name, (key, value) in entries.of_lock(self.repo).items():
            found[name] = f"{key}/{value}"
            self.said.setdefault(found[name], to_single_stage_lockfile(stages[name]))
        return found

    def _remove(self, name: str, why: str) -> None:
        for runs in self.places[name]:
            runs.remove(name)
        if places := " and ".join(runs.place for runs in self.places[name]):
            self.removed.append(
                f"run-cache entry {name[:8]} ({self.said[name]['cmd']}) of the {places}: {why}: "
                "removed"
            )

    def _undo(self, stages: list[str]) -> None:
        """Take stages out of the lock, so that the next run makes them again."""
        if stages:
            lock = load_yaml(LOCK)
            for stage in stages:
                del lock["stages"][stage]
                self.undone.append(f"{LOCK}: its outputs of {stage} are not of its inputs: removed")
            if lock["stages"]:
                dump_yaml(LOCK, lock)
            else:
                Path(LOCK).unlink()  # DVC reads none without stages

    def _json(self, oid: str) -> Any:
        if oid not in self._seen:
            self._seen[oid] = self._parsed(oid)
        return self._seen[oid]

    def _parsed(self, oid: str) -> Any:
        one = Object(Path(), oid, Path(self.repo.cache.local.oid_to_path(oid)))
        for side in self.objects:
            if side.whole(one):
                with copied(side, one) as copy, suppress(ValueError):
                    return json.loads(copy.read_bytes())
        return None
