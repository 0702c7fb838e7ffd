"""Compare a rebuilt run with what was recorded, part by part, and explain differences."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops.core import dvc_lock
from mlops.tracking.naming import flatten

PARTS = {  # what a run consists of, in the order in which it is made, and the stage that makes it
    "data/raw": "ingest",
    "data/prepared": "prepare",
    "models/model": "train",
    "reports/metrics.json": "evaluate",
    "reports/predictions.parquet": "evaluate",
    "models/serving": "export",
}
DATA = ("data/raw", "data/prepared")
SHOWN = 5  # files or values that an explanation names


@dataclass(frozen=True)
class Recorded:
    """What a run recorded of its parts."""

    lock: str
    tags: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)  # hashes of files that are here

    def hash(self, part: str) -> str:
        """Return the hash of a part; nothing if none was recorded."""
        locked = dvc_lock.hashes(self.lock).get(part)
        return self.files.get(part) or locked or self.tagged(part)

    def tagged(self, part: str) -> str:
        """Return the hash that a tag of the run gives a part."""
        return next(
            (self.tags.get(tag, "") for tag, name in dvc_lock.TAGS.items() if name == part), ""
        )

    def contradiction(self, part: str) -> str:
        """Return another hash that the run gives the part; nothing where all agree."""
        recorded = (self.tagged(part), dvc_lock.hashes(self.lock).get(part, ""))
        return next((other for other in recorded if other and other != self.hash(part)), "")


def table(recorded: Recorded, rebuilt: str) -> list[tuple[str, str, str, str]]:
    """Return part, recorded hash, rebuilt hash and the state of each part."""
    found = dvc_lock.hashes(rebuilt)
    return [
        (part, recorded.hash(part) or "unknown", found.get(part, "-"), state(recorded, part, found))
        for part in PARTS
    ]


def state(recorded: Recorded, part: str, found: Mapping[str, str]) -> str:
    """Return the state of a part."""
    if not recorded.hash(part):
        return "not recorded"
    if part not in found:
        return "not rebuilt"
    return "equal" if found[part] == recorded.hash(part) else "DIFFERS"


def first_difference(recorded: Recorded, rebuilt: str) -> str:
    """Return the first part that is not equal; nothing where all are."""
    found = dvc_lock.hashes(rebuilt)
    return next((part for part in PARTS if state(recorded, part, found) != "equal"), "")


def reasons(recorded: Recorded, rebuilt: str, here: Mapping[str, str], part: str) -> list[str]:
    """Return the recorded causes; `here` are the tags of packages and machine."""
    found = dvc_lock.hashes(rebuilt)
    if not recorded.hash(part):
        return [
            "the run has no hash of it, because only `dvc repro` was run; if its model is in the "
            "work tree, `make lineage` completes the record"
        ]
    if part not in found:
        return ["it was not made"]
    stage = PARTS[part]
    before = dvc_lock.stages(recorded.lock).get(stage, {})
    after = dvc_lock.stages(rebuilt).get(stage, {})
    causes = [*_code(before, after), *_values(before, after)]
    if recorded.tags.get("git.dirty") == "yes" and recorded.tags.get("git.diff") != "code.diff":
        why = recorded.tags.get("git.diff", "the difference was not recorded")
        causes.append(f"the code was changed after its commit ({why})")
    return causes + _circumstances(recorded.tags, here)


def _code(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    old, new = ({d["path"]: d.get("md5") for d in one.get("deps", [])} for one in (before, after))
    names = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    return [f"its inputs differ: {_some(names)}"] if before and names else []


def _values(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    old, new = (_flat(one.get("params", {})) for one in (before, after))
    names = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    return [f"its values differ: {_some(names)}"] if before and names else []


def _flat(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for file in params.values() for name, value in flatten(file, "").items()}


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _circumstances(tags: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    named = {
        "packages.sha256": "packages (hash of the locks)",
        "packages.python": "Python",
        "hardware.cpu": "processor",
        "hardware.gpu": "GPU",
        "hardware.platform": "system",
    }
    if tags.get("restored") == "yes":
        return ["the run restored the model from a cache: how it was trained was not recorded"]
    causes = []
    for tag, name in named.items():
        if not tags.get(tag):
            causes.append(f"{name}: not recorded")
        elif here.get(tag) and tags[tag] != here[tag]:
            causes.append(f"other {name}: {tags[tag]} then, {here[tag]} now")
    return causes
