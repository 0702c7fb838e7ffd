"""Find the run behind RUN, VERSION, BENTO, URL or the model in the work tree.

Reads: the MLflow stores of this machine, the store of BentoML, a running service, models/, dvc.lock
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops.client import address, exchange
from mlops.client.response import is_info
from mlops.core import dvc_lock, environment, hashing
from mlops.core.errors import ModelError, TrackingError
from mlops.lineage.query import Store, stores
from mlops.pipeline import summary
from mlops.tracking.search import Run

RUN, VERSION, BENTO, URL = WAYS = ("RUN", "VERSION", "BENTO", "URL")
SERVING = "models/serving"
TAGS = {"model_sha256": "model.sha256", "commit": "git.commit", "data_sha256": "data.sha256",
        "environment": "environment", "package": "bento"}  # fmt: skip


@dataclass(frozen=True)
class Trace:
    """What is asked about, its metadata, and the runs that made its model."""

    asked: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    runs: tuple[tuple[Store, Run], ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)  # DVC's hashes of files that are here

    @property
    def run(self) -> Run | None:
        """The run in question: the one asked for, else the best match."""
        return self.runs[0][1] if self.runs else None

    def artifact(self, name: str) -> bytes:
        """Return an artifact of the run; nothing if it has none of this name."""
        if not self.runs:
            return b""
        store, run = self.runs[0]
        return store.artifact(run, name) or b""


def find(default: str = "") -> Trace:
    """Follow the variable that is set; without one, the model in the work tree."""
    asked = {name: os.environ[name] for name in WAYS if os.environ.get(name)}
    if len(asked) > 1:
        raise TrackingError(f"expected one of {', '.join(WAYS)}, found {' and '.join(asked)}")
    if not asked:
        return _work_tree()
    ((name, value),) = asked.items()
    ways: dict[str, Callable[[str], Trace]] = {
        RUN: _run, VERSION: _version, BENTO: _bento, URL: _service,
    }  # fmt: skip
    return ways[name](value)


def _run(run_id: str) -> Trace:
    for store in _stores():
        if found := store.run(run_id):
            same = [one for one in _makers(found.tags) if one[1].run_id != run_id]
            return Trace(f"run {run_id}", {}, ((store, found), *same))
    raise TrackingError(
        f"RUN: {_places()} has no run {run_id}; `make ui` shows the runs of this machine, "
        "MLFLOW_TRACKING_URI names a server"
    )


def _version(text: str) -> Trace:
    name, _, which = text.rpartition("/")
    for store in _stores():
        found = store.version(name, which) if name and which else None
        if not found:
            continue
        own = store.run(found.run_id) if found.run_id else None
        tags = found.tags if "model.sha256" in found.tags else own.tags if own else {}
        others = [one for one in _makers(tags) if one[1].run_id != found.run_id]
        metadata = {**found.tags, "aliases": ", ".join(found.aliases)}
        runs = ([(store, own)] if own else []) + others
        return Trace(f"{found} in {store}", metadata, tuple(runs))
    raise TrackingError(
        f"VERSION: {_places()} has no {text}; expected name/version or name/alias, `make ui` shows "
        "them"
    )


def _bento(tag: str) -> Trace:
    from mlops.release import package  # noqa: PLC0415  BentoML takes a second that other questions need not pay

    whole, info, folder = package.inside(tag)
    exported = hashing.dvc(folder, leaving=("serving.json",))
    return _described(f"Bento {whole}", info, {SERVING: exported})


def _service(url: str) -> Trace:
    where = address.parse(url, URL)
    return _described(f"service at {where}", exchange.ask(where, "/info", form=is_info), {})


def _described(asked: str, info: Mapping[str, Any], files: Mapping[str, str]) -> Trace:
    metadata = {tag: str(info[name]) for name, tag in TAGS.items() if info.get(name)}
    metadata["git.dirty"] = "yes" if info.get("changed") else "no"
    return Trace(asked, metadata, tuple(_makers(metadata)), files)


def _work_tree() -> Trace:
    model = Path(dvc_lock.MODEL)
    if not model.exists():
        raise ModelError(
            f"{dvc_lock.MODEL} is missing; run `make train`, or name "
            "a run, version or Bento: make lineage RUN=... or VERSION=name/version or BENTO=tag"
        )
    if summary.METRICS.exists():
        summary.complete(summary.read_params()["environment"])  # a plain `dvc repro` ends without
    metadata = {"model.sha256": hashing.digest(model)}
    files = dvc_lock.hashes(dvc_lock.current())
    return Trace("model in the work tree", metadata, tuple(_makers(metadata)), files)


def _makers(metadata: Mapping[str, str]) -> list[tuple[Store, Run]]:
    """Return the runs that made the model, the likeliest first: same commit, trained, newest."""
    digest = metadata.get("model.sha256")
    if not digest:
        return []
    found = [(store, run) for store in _stores() for run in store.made(digest)]

    def rank(one: tuple[Store, Run]) -> tuple[int, bool, int]:
        tags = one[1].tags
        wanted = ("git.commit", "environment")
        other = sum(name in metadata and tags.get(name) != metadata[name] for name in wanted)
        return other, tags.get("restored") == "yes", -one[1].started

    return sorted(found, key=rank)


def _stores() -> list[Store]:
    return stores(environment.asked())


def _places() -> str:
    return " and ".join(map(str, _stores())) or "this machine (no MLflow store yet)"
