"""The one door to MLflow: a run for each training, in the environment's own store.

Reads: MLFLOW_TRACKING_URI, else the environment's SQLite store under .mlflow/
Writes: that store, and .runs/<model>.json, which finds a model's run again
"""

import json
import logging
import os
import re
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

# Before MLflow is imported, which reads it once: nothing is sent anywhere but to the store.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import mlflow
from mlflow.data.dataset_source_registry import resolve_dataset_source
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import RunTag
from mlflow.exceptions import MlflowException

from ml import hashing, places, revision
from ml.config import Params
from ml.errors import TrackingError
from ml.recording import lock, machine, state

SAMPLING_SECONDS = 2  # of the system metrics; MLflow's own 10 s give a short run hardly a point


class Run:
    """An open MLflow run."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self._logged = _last_step(run_id)

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Log the metrics of a step, unless the run has them from before it was killed."""
        fresh = {
            name: value for name, value in metrics.items() if step > self._logged.get(name, -1)
        }
        mlflow.log_metrics(fresh, step=step, run_id=self.run_id)

    def finish(self, params: Params, model_digest: str) -> None:
        """Record which model the run made, so that it is found again by the model's content."""
        mlflow.set_tag("model.sha256", model_digest)
        record = {
            "environment": params.environment,
            "run_id": self.run_id,
            "tracking_uri": _without_password(mlflow.get_tracking_uri()),
            "evaluated": False,
            "lock": None,
        }
        _write_record(model_digest, record)


@contextmanager
def training_run(params: Params, data: Mapping[str, str], resume: Path) -> Iterator[Run]:
    """Open the run of a training; `data` maps the name of each data set to its digest.

    The file `resume` names the run while it is open: a training that was killed goes on in it.
    """
    with _known_errors(params):
        experiment_id = _open_store(params)
        previous = _previous(resume)
        mlflow.set_system_metrics_sampling_interval(SAMPLING_SECONDS)
        active = mlflow.start_run(
            run_id=previous,
            experiment_id=None if previous else experiment_id,
            run_name=f"{params.model.name}-{params.model.version}",
            tags=None if previous else state.source(),
            log_system_metrics=True,
        )
        run = Run(active.info.run_id)
        resume.parent.mkdir(parents=True, exist_ok=True)
        resume.write_text(run.run_id, encoding="utf-8")
        state.warn()
        if not previous:
            _describe(params, data)
    # What the training itself raises is not the store's.
    with (
        _known_errors(params, (MlflowException,)),
        active,  # ends as FINISHED, or FAILED if it raises
        _timed(active.data.tags.get("duration_s", "0")),
    ):
        yield run


def log_evaluation(
    params: Params, model_digest: str, metrics: Mapping[str, Any], folder: Path
) -> None:
    """Add the judgement of a model to the run that trained it, or to a new one in this store."""
    with _known_errors(params):
        experiment_id = _open_store(params)
        record = read_record(model_digest)
        here = record and record["tracking_uri"] == _without_password(mlflow.get_tracking_uri())
        with mlflow.start_run(
            run_id=record["run_id"] if record and here else None,
            experiment_id=None if here else experiment_id,
            run_name=None if here else f"{params.model.name}-{params.model.version}-restored",
            tags=None if here else state.source(),
        ) as active:
            if not here:
                _describe(params, {})
                # Packages and machine are of the judging: nobody knows here what trained it.
                mlflow.set_tag("restored", "yes")
                Run(active.info.run_id).finish(params, model_digest)
            mlflow.log_metrics(flatten(metrics, "test"))
            mlflow.log_artifacts(str(folder), artifact_path=folder.name)
            _carry(active.info.run_id, state.now())
        record = read_record(model_digest) or {}
        _write_record(model_digest, {**record, "evaluated": True})


def log_state(params: Params, model_digest: str) -> None:
    """Add to a model's run what is known once the whole pipeline has run: the complete dvc.lock."""
    record, now = read_record(model_digest), state.now()
    if not record or lock.LOCK.name not in now.files:
        return
    with _known_errors(params):
        _open_store(params)
        if record["tracking_uri"] == _without_password(mlflow.get_tracking_uri()):
            _carry(record["run_id"], now)
            seen = {"lock": hashing.digest(lock.LOCK), "dirty": now.tags.get("git.dirty")}
            _write_record(model_digest, {**record, **seen})


def read_record(model_digest: str) -> dict[str, Any] | None:
    """Return what is known of the run that trained a model, or None."""
    path = places.run_record(model_digest)
    if not path.exists():
        return None
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def flatten(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Return nested values as one level, named by their dotted path."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, Mapping):
            flat.update(flatten(value, name))
        else:
            # MLflow allows no other characters in a name.
            flat[re.sub(r"[^\w\-. /:]", "_", name)] = value
    return flat


def store_uri(params: Params) -> str:
    """Return the tracking URI: the usual variable, else the environment's own SQLite file."""
    own = places.mlflow_store(params.environment) / "mlflow.db"
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{own}"


def _open_store(params: Params) -> str:
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.WARNING)
    uri, named = store_uri(params), "MLFLOW_TRACKING_URI" in os.environ
    mlflow.set_tracking_uri(uri)
    if not named:
        # MLflow sets the variable, which would send the next environment into this one's store.
        os.environ.pop("MLFLOW_TRACKING_URI", None)
    artifacts = params.mlflow.artifact_location
    if uri.startswith("sqlite:"):
        store = places.mlflow_store(params.environment)
        store.mkdir(parents=True, exist_ok=True)
        artifacts = artifacts or (store / "artifacts").as_uri()
    experiment = mlflow.get_experiment_by_name(params.mlflow.experiment_name)
    if experiment:
        return str(experiment.experiment_id)
    return str(mlflow.create_experiment(params.mlflow.experiment_name, artifact_location=artifacts))


def _describe(params: Params, data: Mapping[str, str]) -> None:
    run_id = mlflow.active_run().info.run_id
    sections = params.model_dump(exclude={"environment", "mlflow", "metadata"})
    mlflow.log_params(flatten(sections, ""))
    origin = {"who": revision.who() or "unknown", **machine.packages(), **machine.hardware()}
    mlflow.set_tags({**params.mlflow.tags, "environment": params.environment, **origin})
    _carry(run_id, state.now())
    # MLflow registers its local source twice and warns that it must choose one of them.
    warnings.filterwarnings("ignore", message="The specified dataset source can be interpreted")
    for name, digest in data.items():
        source = resolve_dataset_source(f"data/prepared/{name}.parquet")
        mlflow.log_input(MetaDataset(source, name=name, digest=digest[:32]), context=name)
        mlflow.set_tag(f"data.{name}.sha256", digest)


def _carry(run_id: str, now: state.State) -> None:
    """Put code, configuration and hashes of the same moment into a run."""
    client = mlflow.MlflowClient()
    client.log_batch(run_id, tags=[RunTag(name, value) for name, value in now.tags.items()])
    with tempfile.TemporaryDirectory() as folder:
        for name, content in now.files.items():
            Path(folder, name).write_bytes(content)
        client.log_artifacts(run_id, folder)


@contextmanager
def _timed(before: str) -> Iterator[None]:
    """Tag the run with the seconds that it took, those of an earlier attempt included."""
    start = time.monotonic()
    try:
        yield
    finally:
        with suppress(MlflowException):  # what the training raised matters more
            mlflow.set_tag("duration_s", f"{float(before) + time.monotonic() - start:.1f}")


def _previous(resume: Path) -> str | None:
    if not resume.exists():
        return None
    run_id = resume.read_text(encoding="utf-8").strip()
    try:
        mlflow.get_run(run_id)
    except MlflowException:
        return None  # another store, or the run was deleted
    return run_id


def _last_step(run_id: str) -> dict[str, int]:
    client = mlflow.MlflowClient()
    names = client.get_run(run_id).data.metrics
    return {
        name: max(point.step for point in client.get_metric_history(run_id, name))
        for name in names
        if not name.startswith("system/")
    }


def _write_record(model_digest: str, record: Mapping[str, Any]) -> None:
    path = places.run_record(model_digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")


@contextmanager
def _known_errors(
    params: Params, kinds: tuple[type[Exception], ...] = (MlflowException, OSError)
) -> Iterator[None]:
    try:
        yield
    except kinds as error:
        raise TrackingError(
            _without_password(
                f"the MLflow store {store_uri(params)} should be open to write, but: "
                f"{str(error).splitlines()[0]}; check MLFLOW_TRACKING_URI and that the server "
                "runs, or unset it to record locally"
            )
        ) from None


def _without_password(text: str) -> str:
    return re.sub(r"//[^/@\s]*@", "//", text)
