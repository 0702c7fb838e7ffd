"""The bundle that is served: the exported model, its settings, and the metadata of both.

Reads: params.yaml, models/serving/, models/model/, reports/metrics.json, data/prepared/
Writes: models/bento/
"""

import json
import os
import shutil
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from mlops.config import schema
from mlops.config.schema import Params
from mlops.core import environment, files, hashing, outputs, revision
from mlops.core.errors import ServingError

EXPORT = Path("models/serving")
MODEL = Path("models/model")
METRICS = Path("reports/metrics.json")
PREPARED = Path("data/prepared")
FOLDER = Path("models/bento")
SERVING = "serving.json"
SYNTHETIC = (
    "Trained on synthetic data: this model knows the grammar that made them, not English. "
    "Do not use it for real texts."
)
EXAMPLES, LONGEST = 6, 200  # texts that the page offers, characters of each
ORIGIN = ("package", "commit", "changed")  # metadata besides its content
# What the content of a package is besides the model: the code and packages that serve it.
CODE = (
    "bentofile.yaml", "src/ml/__init__.py", "src/ml/api", "src/ml/project.py", "src/ml/service.py",
    "src/mlops/__init__.py", "src/mlops/core/__init__.py", "src/mlops/core/project.py",
    "src/mlops/serving", "src/mlops/serving/request_log",
)  # fmt: skip
LOCKS = {"cpu": "requirements/serving.lock", "cuda": "requirements/serving-cuda.lock"}


def lay_out() -> dict[str, Any]:
    """Write the folder that the service reads; return its metadata."""
    params = schema.load()
    check_environment(params, os.environ.get("ENV"))
    signature = check_export()
    metadata = info(params, signature)
    # Content only: what the commit is called changes no prediction.
    serving = {
        "format": 1,
        "preprocessing": params.data.preprocessing,
        "settings": params.serving.model_dump(),
        "info": metadata,
    }
    metadata = {**metadata, "package": version(serving, EXPORT), **commit()}
    with outputs.folder(FOLDER) as folder:
        for path in sorted(EXPORT.iterdir()):
            shutil.copy(path, folder)
        outputs.write_json(folder / SERVING, {**serving, "info": metadata})
    return metadata


def read(folder: Path) -> tuple[dict[str, Any], str]:
    """Return the metadata of a laid out folder, and the name that its content has here.

    They differ where code or packages here are not those that it was laid out with.
    """
    serving = json.loads((folder / SERVING).read_text(encoding="utf-8"))
    metadata: dict[str, Any] = serving["info"]
    plain = {name: value for name, value in metadata.items() if name not in ORIGIN}
    return metadata, version({**serving, "info": plain}, folder)


def lock(serving: dict[str, Any]) -> Path:
    """Return the lock with the packages for the device that serves."""
    return Path(LOCKS[serving["settings"]["device"]])


def check_environment(params: Params, asked: str | None) -> None:
    """Refuse to serve the model of one environment as that of another."""
    if asked and asked != params.environment:
        environment.expect(asked)
        raise ServingError(
            f"expected a model of {asked}, found one of {params.environment} in the work tree; run "
            f"`make train ENV={asked}`, or use ENV={params.environment}"
        )


def check_export() -> dict[str, Any]:
    """Return the signature of the exported model, which must be that of the trained one."""
    path = EXPORT / "signature.json"
    if not path.exists():
        raise ServingError(f"no exported model: {path} is missing; run `make train`")
    signature: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if MODEL.exists() and hashing.digest(MODEL) != signature["model_sha256"]:
        raise ServingError(f"{EXPORT} was not exported from {MODEL}; run `make train`")
    return signature


def info(params: Params, signature: dict[str, Any]) -> dict[str, Any]:
    """Return what leads from a running service back to model, data and figures."""
    if not METRICS.exists():
        raise ServingError(f"{METRICS} is missing; run `make train`")
    metrics = files.read_json(METRICS)
    return {
        "name": params.model.name,
        "version": params.model.version,
        "environment": params.environment,
        "model_sha256": signature["model_sha256"],
        "data_sha256": hashing.digest(PREPARED) if PREPARED.exists() else None,
        "metrics": {name: v for name, v in sorted(metrics.items()) if isinstance(v, int | float)},
        "parity": signature["parity"],
        "notice": SYNTHETIC if params.data.train_path == "synthetic" else None,
        "examples": examples(params, signature["example"]),
    }


def examples(params: Params, first: str) -> list[str]:
    """Return texts for the page: of the behaviour tests, which people wrote, never of the data."""
    tests = [
        [case.text for case in test.cases or ()]
        + [text for pair in test.pairs or () for text in (pair.before, pair.after)]
        for test in params.evaluate.behaviour
    ]
    texts = [first, *filter(None, chain.from_iterable(zip_longest(*tests)))]
    return list(dict.fromkeys(text for text in texts if len(text) <= LONGEST))[:EXAMPLES]


def commit() -> dict[str, Any]:
    """Return the commit of the work tree, and whether the tree has been changed since."""
    tags = revision.tags()
    return {"commit": tags.get("git.commit"), "changed": tags.get("git.dirty") == "yes"}


def version(serving: dict[str, Any], export: Path) -> str:
    """Return a name made from content: model, settings, code and packages."""
    parts = [json.dumps(serving, sort_keys=True)]
    parts += [
        f"{path.name} {hashing.digest(path)}"
        for path in sorted(export.iterdir())
        if path.name != SERVING
    ]
    for path in sorted([*map(Path, CODE), lock(serving)]):
        files = [path] if path.is_file() else sorted(path.glob("*.*"))
        parts += [f"{file.as_posix()} {hashing.digest(file)}" for file in files]
    return hashing.text("\n".join(parts))[:16]
