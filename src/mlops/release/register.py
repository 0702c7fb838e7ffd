"""Put the evaluated model into the environment's registry, as the challenger.

Reads: ENV, params.yaml, models/, reports/, data/prepared/, the model's run in MLflow; in qa and
    prod dvc.lock, which must have made them
Writes: models/bento/, a version in the registry with its files, the alias `challenger`
"""

import math
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from mlops.config import schema
from mlops.config.schema import PARAMS, Params
from mlops.core import files, hashing
from mlops.core.errors import GateError, ServingError, TrackingError, run
from mlops.release import bounds, reference, work_tree
from mlops.release.evidence import BENTO, REPORTS
from mlops.release.versions import bundle, version_files
from mlops.release.versions.registry import CHALLENGER, CHAMPION, MADE, Registry, Version
from mlops.tracking import runs

FILES = ("metrics.json", "export.json", "predictions.parquet", "model_card.md", "data.json")
# Two releases with these in common are one: the commit alone makes no other model.
IDENTITY = ("model.sha256", "bento", "data.test.sha256", "measured.sha256")
LOGGED = ("accuracy", "macro_f1")  # of the evaluation, in MLflow


def lay_out(folder: Path) -> None:
    """Write what a version is made of: what is served, the trained model, the reports.

    With them what it answers now on held-out rows, with which requests are compared later.
    """
    shutil.copytree(bundle.FOLDER, folder / BENTO)
    shutil.copytree(bundle.MODEL, folder / "model")
    (folder / REPORTS).mkdir()
    for name in FILES:
        path = bundle.METRICS.with_name(name)
        if not path.exists():
            raise ServingError(f"{path} is missing; run `make train`")
        shutil.copy(path, folder / REPORTS)
    shutil.copy(PARAMS, folder)
    reference.write(folder)


def tags(params: Params, info: dict[str, Any], release: Path) -> dict[str, str]:
    """Return what leads from a version back to code, configuration and data."""
    found = {
        "environment": params.environment,
        "model.version": params.model.version,
        "model.sha256": info["model_sha256"],
        "bento": info["package"],
        "git.commit": info["commit"] or "unknown",
        "git.dirty": "yes" if info["changed"] else "no",
        "data.sha256": info["data_sha256"],
        "data.test.sha256": hashing.digest(bundle.PREPARED / "test.parquet"),
        "measured.sha256": bounds.measured(params),
        **version_files.tags(release),
    }
    figures = {f"test.{name}": f"{value:g}" for name, value in info["metrics"].items()}
    return {**found, **figures}


def check_whole(params: Params, info: dict[str, Any], release: Path) -> None:
    """Refuse what another command has changed while it was copied."""
    _, package = bundle.read(release / BENTO)
    model = hashing.digest(release / "model")
    found = (package, model, schema.load(release / PARAMS))
    if found != (info["package"], info["model_sha256"], params):
        raise ServingError(
            "the work tree was changed while it was registered; wait for the other command, then "
            f"run `make register ENV={params.environment}` again"
        )


def check_logged(params: Params, registry: Registry, run_id: str) -> None:
    """Refuse figures that no evaluation of this model has logged, where a gate will judge."""
    metrics = files.read_json(bundle.METRICS)
    for name in LOGGED if params.environment != bounds.LIBERAL else ():
        known = registry.logged(run_id, f"test.{name}")
        if not any(math.isclose(metrics[name], value, abs_tol=1e-9) for value in known):
            shown = ", ".join(f"{value:.6f}" for value in known[-3:]) or "none"
            raise GateError(
                f"{bundle.METRICS} says {name} {metrics[name]:.6f}, but what was logged in run "
                f"{run_id} is {shown}; `make sync ENV={params.environment}` sends what waits, "
                "`dvc repro --force --single-item evaluate` evaluates the model again"
            )


def restored(params: Params, info: dict[str, Any], registry: Registry) -> str:
    """Return a new run for a model that came out of the cache: nobody trained it in this store."""
    metrics = files.read_json(bundle.METRICS)
    runs.log_evaluation(params, info["model_sha256"], metrics, bundle.METRICS.parent)
    run_id = registry.run_of(info["model_sha256"])
    if run_id is None:
        raise TrackingError(
            f"the MLflow store has no run of the model {info['model_sha256'][:12]}; "
            f"run `make train ENV={params.environment}` again"
        )
    return run_id


def known(made: dict[str, str], registry: Registry) -> Version | None:
    """Return the version that these files are already, if its own are still whole."""
    for version in registry.versions(**{name: made[name] for name in IDENTITY}):
        if made["git.dirty"] == "no" != version.tags.get("git.dirty"):
            continue  # it can never be deployed
        with tempfile.TemporaryDirectory(prefix="registered-") as folder:
            if version_files.whole(registry, version, Path(folder)):
                return version
        sys.stdout.write(f"{version_files.damaged(registry, version)}; this registers it again\n")
    return None


def register(params: Params, info: dict[str, Any], registry: Registry) -> tuple[Version, bool]:
    """Return the version of what the work tree holds, and whether it is new."""
    run_id = registry.run_of(info["model_sha256"]) or restored(params, info, registry)
    check_logged(params, registry, run_id)
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        release = Path(folder)
        lay_out(release)
        check_whole(params, info, release)
        made = tags(params, info, release)
        same = known(made, registry)
        version = same or registry.create(run_id, release, made)
    if made["git.dirty"] == "no":
        registry.tag(version, {f"{MADE}{made['git.commit']}": "yes"})
    return version, same is None


def main() -> None:
    """Register the model of the work tree, unless the registry has it."""
    params = schema.load()
    bundle.check_environment(params, os.environ.get("ENV"))
    if params.environment != bounds.LIBERAL:
        work_tree.check(params.environment)
    info = bundle.lay_out()
    registry = Registry(params)
    version, is_new = register(params, info, registry)
    done = "is registered" if is_new else "was registered already"
    if CHAMPION in version.aliases:
        if registry.alias(CHALLENGER):
            registry.forget(CHALLENGER)
        done, then = "is live", "nothing: it is the champion"
    else:
        registry.point(CHALLENGER, version)
        then = f"make gate ENV={params.environment}"
    sys.stdout.write(f"{version} {done} in {params.environment}; next: {then}\n")


if __name__ == "__main__":
    run(main)
