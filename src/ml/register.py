"""Put the evaluated model into the environment's registry, as the challenger.

Reads: params.yaml, models/, reports/, data/prepared/
Writes: models/bento/, a version in the registry with its files, the alias `challenger`
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from ml import config, hashing, payload, tracking
from ml.config import PARAMS, Params
from ml.errors import ServingError, TrackingError, run
from ml.gating.evidence import BENTO, REPORTS
from ml.registry import CHALLENGER, CHAMPION, Registry

FILES = ("metrics.json", "export.json", "predictions.parquet", "model_card.md", "data.json")
# Two releases with these in common are one: the commit alone makes no other model.
IDENTITY = ("model.sha256", "bento", "data.test.sha256")


def lay_out(folder: Path) -> None:
    """Write what a version is made of: what is served, the trained model, what was told of them."""
    shutil.copytree(payload.FOLDER, folder / BENTO)
    shutil.copytree(payload.MODEL, folder / "model")
    (folder / REPORTS).mkdir()
    for name in FILES:
        path = payload.METRICS.with_name(name)
        if not path.exists():
            raise ServingError(f"{path} should be there, but is missing; run `make train`")
        shutil.copy(path, folder / REPORTS)
    shutil.copy(PARAMS, folder)


def tags(params: Params, told: dict[str, Any], release: Path) -> dict[str, str]:
    """Return what leads from a version back to code, configuration and data."""
    found = {
        "environment": params.environment,
        "model.version": params.model.version,
        "model.sha256": told["model_sha256"],
        "bento": told["package"],
        "release.sha256": hashing.digest(release),
        "git.commit": told["commit"] or "unknown",
        "git.dirty": "yes" if told["changed"] else "no",
        "params.sha256": hashing.digest(PARAMS),
        "data.sha256": told["data_sha256"],
        "data.test.sha256": hashing.digest(payload.PREPARED / "test.parquet"),
    }
    figures = {f"test.{name}": f"{value:g}" for name, value in told["metrics"].items()}
    return {**found, **figures}


def restored(params: Params, told: dict[str, Any], registry: Registry) -> str:
    """Return a new run for a model that came out of the cache: nobody trained it in this store."""
    metrics = json.loads(payload.METRICS.read_text(encoding="utf-8"))
    tracking.log_evaluation(params, told["model_sha256"], metrics, payload.METRICS.parent)
    run_id = registry.run_of(told["model_sha256"])
    if run_id is None:
        raise TrackingError(
            f"the MLflow store should hold a run of the model {told['model_sha256'][:12]}, but "
            "does not; run `make train` in this environment again"
        )
    return run_id


def main() -> None:
    """Register the model of the work tree, unless the registry has it."""
    params = config.load()
    told = payload.lay_out()
    registry = Registry(params)
    run_id = registry.run_of(told["model_sha256"]) or restored(params, told, registry)
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        release = Path(folder)
        lay_out(release)
        facts = tags(params, told, release)
        same = registry.versions(**{name: facts[name] for name in IDENTITY})
        version = same[0] if same else registry.create(run_id, release, facts)
    done = "was registered already" if same else "is registered"
    if CHAMPION in version.aliases:
        if registry.alias(CHALLENGER):
            registry.forget(CHALLENGER)
        done, then = "is live", "nothing: it is the champion"
    else:
        registry.point(CHALLENGER, version)
        then = "make gate"
    sys.stdout.write(f"{version} {done} in {params.environment}; next: {then}\n")


if __name__ == "__main__":
    run(main)
