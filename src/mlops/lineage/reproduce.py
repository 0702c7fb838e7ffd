"""Build a run again from its commit, values, packages and data, and compare it hash by hash.

Reads: ENV, RUN, VERSION or BENTO as `lineage` does; the repository; KEEP=1 keeps what was built
Writes: a temporary folder
"""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

import yaml

from mlops.config.schema import PARAMS
from mlops.core import dvc_lock, gpus
from mlops.core.errors import LineageError, run
from mlops.lineage import comparison, recipe, source, trace
from mlops.lineage.clone import Clone, workspace
from mlops.lineage.recipe import Recipe
from mlops.lineage.show import table
from mlops.pipeline.summary import METRICS
from mlops.tracking import machine, provenance


def rebuild(wanted: Recipe, clone: Clone) -> tuple[str, str]:
    """Run the pipeline in the clone; return its dvc.lock and a note about the data."""
    tags = wanted.tags
    clone.checkout(tags["git.commit"])
    if wanted.patch:
        clone.apply(wanted.patch)
    clone.install(tags.get("packages.accelerator", "cpu"), tags.get("packages.python", ""))
    missing = source.lend(clone, wanted.values)
    if "pretrained" in missing:
        raise LineageError(
            f"models/model cannot be built again: the pretrained model "
            f"{missing['pretrained']}; restore it as it was"
        )
    if wanted.sources:
        (clone.folder / provenance.SOURCES).write_bytes(wanted.sources)
    _write(wanted.values, clone)
    (clone.folder / dvc_lock.LOCK).unlink(missing_ok=True)  # nothing counts as made already
    said = _data(wanted, clone, missing)
    locked = _lock(clone)
    if all(comparison.state(wanted.recorded, part, dvc_lock.hashes(locked)) == "equal"
           for part in comparison.DATA):  # fmt: skip
        clone.dvc("repro", "--no-run-cache", "--downstream", "train")
    return _lock(clone), said


def _data(wanted: Recipe, clone: Clone, missing: Mapping[str, str]) -> str:
    """Make the data anew, from the source where it gives the same, else from what was kept."""
    raw = wanted.recorded.hash(source.RAW)
    said = "; ".join(missing.values())
    if not missing:
        failed = clone.dvc("repro", "--no-run-cache", "prepare")
        same = dvc_lock.hashes(_lock(clone)).get(source.RAW) == raw
        if same or not source.outside(wanted.values):
            return ""
        said = "the source cannot be read" if failed else "the source has other rows now"
    where = source.fetch(clone, wanted.recorded.lock.encode(), wanted.tags.get("environment", ""))
    if not where:
        return f"{said}; neither the DVC cache nor the environment's remote has {source.RAW}"
    clone.dvc("repro", "--no-run-cache", "--single-item", "prepare")
    return f"{said}; {source.RAW} came from {where}, by its hash"


def _write(values: Mapping[str, Any], clone: Clone) -> None:
    # Its artifacts would be put where the environment's own are.
    tracked = {**values.get("mlflow", {}), "artifact_location": None}
    text = yaml.safe_dump({**values, "mlflow": tracked}, sort_keys=False, allow_unicode=True)
    (clone.folder / PARAMS).write_text(text, encoding="utf-8")


def _lock(clone: Clone) -> str:
    path = clone.folder / dvc_lock.LOCK
    return path.read_text(encoding="utf-8") if path.exists() else ""


def figures(wanted: Recipe, clone: Clone) -> str:
    """Return the metrics then and now: on another processor these are what must be equal."""
    path = clone.folder / METRICS
    now = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    named = {name: wanted.metrics.get(f"test.{name}") for name in ("accuracy", "macro_f1")}
    found = [
        f"{name} {then:.4g} then, {now[name]:.4g} now"
        for name, then in named.items()
        if then is not None and name in now
    ]
    return ", ".join(found)


def main() -> None:
    """Rebuild, compare, report; raise LineageError where anything differs."""
    wanted = recipe.read(trace.find())
    commit = wanted.tags["git.commit"][:12]
    changed = f" and {provenance.DIFF}" if wanted.patch else ""
    if wanted.tags.get("git.dirty") == "yes" and not changed:
        changed = f", WITHOUT what was changed in it: {wanted.tags.get('git.diff', 'not recorded')}"
    sys.stderr.write(f"rebuilding run {wanted.name} from commit {commit}{changed}\n")
    with workspace(os.environ.get("KEEP") == "1") as clone:
        rebuilt, said = rebuild(wanted, clone)
        compared = figures(wanted, clone)
        # As the stages claim it: a GPU that the run did not ask for changes nothing.
        gpus.show(wanted.values.get("resources", {}).get("gpu", 0))
        here = {**machine.read_hardware(), **machine.read_packages(clone.folder / ".venv")}
    rows = [("part", "recorded", "rebuilt", ""), *comparison.table(wanted.recorded, rebuilt)]
    sys.stdout.write("\n" + table(rows) + (f"{said}\n" if said else ""))
    part = comparison.first_difference(wanted.recorded, rebuilt)
    if part:
        sys.stdout.write(f"{compared}\n" if compared else "")
        why = [said] if said and part == source.RAW else []
        why += comparison.reasons(wanted.recorded, rebuilt, here, part)
        known = "; ".join(why) or "nothing recorded explains it: the stage may not be deterministic"
        raise LineageError(f"run {wanted.name} is not reproduced: {part} is the first part that "
                           f"differs; {known}")  # fmt: skip
    sys.stdout.write(f"run {wanted.name} is reproduced: all parts are equal\n")


if __name__ == "__main__":
    run(main)
