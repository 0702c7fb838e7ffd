"""The one door to MLflow: a run for each training, in the environment's own store.

Reads: MLFLOW_TRACKING_URI, MLFLOW_OFFLINE, else the environment's SQLite store under .mlflow/
Writes: .runs/<env>/ (the journals of runs), from there that store; .runs/<model>.json, which finds
    a model's run again
"""

import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from mlops.tracking import delivery  # first, for the package sets how MLflow behaves

# isort: split
import mlflow
from mlflow.exceptions import MlflowException
from mlflow.tracking.context.registry import resolve_tags

from mlops.config.schema import Params
from mlops.core import dvc_lock, hashing, revision
from mlops.core.errors import TrackingError
from mlops.tracking import database, machine, naming, provenance, records, server, syncing
from mlops.tracking.journal import Journal
from mlops.tracking.sender import Sender
from mlops.tracking.system_metrics import PREFIX, Gauges

log = logging.getLogger(__name__)
read_record = records.read
flatten = naming.flatten


class Run:
    """An open run: what it tells goes into its journal, and from there to the store."""

    def __init__(self, journal: Journal, uri: str) -> None:
        self.journal = journal
        self.uri = uri
        self.news: Callable[[], None] = lambda: None
        # Of the store; empty while a new run could not be sent.
        self.run_id = str(journal.sent(server.plain(uri))["run_id"] or "")
        self._logged = journal.last_steps()

    def start(self, params: Params, suffix: str = "") -> None:
        """Begin the journal of a new run."""
        self.journal.aim(server.plain(self.uri), server.offline())
        self.journal.append(
            "run",
            name=f"{params.model.name}-{params.model.version}{suffix}",
            experiment=params.mlflow.experiment_name,
            artifact_location=params.mlflow.artifact_location,
            tags={**resolve_tags(), **provenance.source()},
        )

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Log the metrics of a step, unless the run has them from before it was killed."""
        fresh = {
            name: float(value)
            for name, value in metrics.items()
            if step > self._logged.get(name, -1)
        }
        if fresh:
            self.journal.append("metrics", step=step, values=fresh)
            self.news()

    def next_sample(self) -> int:
        """Return the step of the next sample of system metrics."""
        steps = [step for name, step in self._logged.items() if name.startswith(PREFIX)]
        return max(steps, default=-1) + 1

    def tag(self, tags: Mapping[str, Any]) -> None:
        """Set tags."""
        self.journal.append("tags", values={name: str(value) for name, value in tags.items()})

    def carry(self, now: provenance.State) -> None:
        """Put code, configuration and hashes of the same moment into the run."""
        self.tag(now.tags)
        self.journal.attach(now.files)

    def finish(self, params: Params, model_digest: str) -> None:
        """Record which model the run made, so that it is found again by the model's content."""
        self.tag({"model.sha256": model_digest})
        records.write(
            model_digest,
            environment=params.environment,
            run_id=self.run_id,
            journal=self.journal.name,
            tracking_uri=server.plain(self.uri),
            evaluated=False,
            lock=None,
        )


@contextmanager
def training_run(params: Params, data: Mapping[str, str], resume: Path) -> Iterator[Run]:
    """Open the run of a training; `data` maps the name of each data set to its digest.

    The file `resume` names its journal while it is open: a training that was killed goes on in it.
    """
    uri = store_uri(params)
    server.check(uri)
    with known_errors(params):
        open_store(params)
        journal = _previous(params, resume) or Journal(params.environment)
    with journal.held():
        run = Run(journal, uri)
        with known_errors(params):
            if journal.exists():
                journal.aim(server.plain(uri), server.offline())
                journal.append("status", value="RUNNING")
            else:
                run.start(params)
                _describe(run, params, data)
            resume.parent.mkdir(parents=True, exist_ok=True)
            resume.write_text(journal.name, encoding="utf-8")
            provenance.warn()
            run.run_id = delivery.deliver(journal, uri)
        with _sending(run):
            yield run


def log_evaluation(
    params: Params, model_digest: str, metrics: Mapping[str, Any], folder: Path
) -> None:
    """Add the judgement of a model to the run that trained it, or to a new one in this store."""
    with _reopened(params, model_digest) as run:
        run.journal.append("metrics", step=0, values=flatten(metrics, "test"))
        run.journal.attach(folder, folder.name)
        if other := naming.renamed(metrics, "test"):
            names = json.dumps(other, indent=1, ensure_ascii=False).encode("utf-8", "replace")
            run.journal.attach({"metric_names.json": names}, folder.name)
        run.carry(provenance.now())
    records.write(model_digest, evaluated=True)


def log_state(params: Params, model_digest: str) -> None:
    """Add to a model's run what is known once the whole pipeline has run: the complete dvc.lock."""
    record, now = read_record(model_digest), provenance.now()
    if not record or dvc_lock.LOCK.name not in now.files or not _home(params, record):
        return
    with _reopened(params, model_digest) as run:
        run.carry(now)
    dirty = now.tags.get("git.dirty")
    records.write(model_digest, lock=hashing.digest(dvc_lock.LOCK), dirty=dirty)


def store_uri(params: Params) -> str:
    """Return the tracking URI: the usual variable, else the environment's own SQLite file."""
    return server.uri(params.environment)


def open_store(params: Params) -> str:
    """Lead MLflow to the environment's store; return the id of the experiment there."""
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.WARNING)
    uri, named = store_uri(params), os.environ.get("MLFLOW_TRACKING_URI")
    database.ready(uri)
    mlflow.set_tracking_uri(uri)
    # MLflow sets the variable, which would send the next environment into this one's store.
    if named is None:
        os.environ.pop("MLFLOW_TRACKING_URI", None)
    else:
        os.environ["MLFLOW_TRACKING_URI"] = named
    place = delivery.location(params.environment, uri, params.mlflow.artifact_location)
    return delivery.experiment(mlflow.MlflowClient(), params.mlflow.experiment_name, place)


def _describe(run: Run, params: Params, data: Mapping[str, str]) -> None:
    sections = params.model_dump(exclude={"environment", "mlflow", "metadata"})
    values = {name: str(value) for name, value in flatten(sections, "").items()}
    run.journal.append("params", values=values)
    origin = {"who": revision.who() or "unknown", **machine.packages(), **machine.hardware()}
    hashes = {f"data.{name}.sha256": digest for name, digest in data.items()}
    run.tag({**params.mlflow.tags, "environment": params.environment, **origin, **hashes})
    run.tag(provenance.rows_changed(params.snapshot))
    run.carry(provenance.now())
    for name, digest in data.items():
        source = f"data/prepared/{name}.parquet"
        run.journal.append("dataset", name=name, digest=digest[:32], source=source)


@contextmanager
def _sending(run: Run) -> Iterator[None]:
    """Send while the training runs, which waits for nothing; then tell how the run ended."""
    before, start = float(run.journal.tags().get("duration_s", "0")), time.monotonic()
    status = "FAILED"
    with Sender(partial(delivery.deliver, run.journal, run.uri), delivery.final) as sender:
        run.news = sender.news
        try:
            with Gauges(run.log_metrics, run.next_sample(), run.uri):
                yield
            status = "FINISHED"
        finally:
            run.tag({"duration_s": f"{before + time.monotonic() - start:.1f}"})
            run.journal.append("status", value=status)
    # The journal stays until the next verb: only then the training cannot be resumed any more.
    if sender.failure:
        _tell(run, sender.failure)


@contextmanager
def _reopened(params: Params, model_digest: str) -> Iterator[Run]:
    """Open the run of a model, or a new one where this store has none, and send what it tells."""
    record, uri = read_record(model_digest) or {}, store_uri(params)
    home = _home(params, record)
    journal = home or Journal(params.environment)
    with journal.held():
        run = Run(journal, uri)
        if not home:
            run.start(params, "-restored")
            _describe(run, params, {})
            # Packages and machine are of the judging: nobody knows here what trained it.
            run.tag({"restored": "yes"})
            run.finish(params, model_digest)
        elif not journal.exists():  # all of it was sent
            journal.aim(record["tracking_uri"], False)
            journal.mark(record["tracking_uri"], run_id=record["run_id"])
            journal.append("run", continued=True)
        yield run
        if not home:
            journal.append("status", value="FINISHED")
        _send_now(run, params)
        syncing.settle(journal)


def _home(params: Params, record: Mapping[str, Any]) -> Journal | None:
    """Return the journal of a recorded run if it is this environment's and this store's."""
    uri = store_uri(params)
    database.ready(uri)
    if record.get("environment") != params.environment:
        return None
    journal = Journal(params.environment, record.get("journal", ""))
    if record["tracking_uri"] != server.plain(uri):
        return journal if server.offline() and journal.exists() else None
    return journal if journal.exists() or not _gone(uri, record["run_id"]) else None


def _send_now(run: Run, params: Params) -> None:
    if run.journal.store != server.plain(run.uri):
        return  # it waits for its server
    try:
        server.check(run.uri)
        delivery.deliver(run.journal, run.uri)
    except Exception as error:
        # What a store of this machine lacks is room or rights: the same command goes on then.
        if not delivery.final(error) and not run.uri.startswith("http"):
            raise _unusable(params, error) from None
        _tell(run, error)


def _tell(run: Run, error: Exception) -> None:
    reason = server.first_line(error)
    log.warning(
        "MLflow lacks a part of this run, which is kept here: %s. `make sync ENV=%s` brings it "
        "there once it can.",
        reason,
        run.journal.environment,
    )


def _previous(params: Params, resume: Path) -> Journal | None:
    """Return the journal of the training that was killed, unless its run was deleted."""
    name = resume.read_text("utf-8", "replace").strip() if resume.exists() else ""
    if not re.fullmatch("[0-9a-f]{32}", name):
        return None
    journal = Journal(params.environment, name)
    if not journal.exists() or not journal.head():
        return None
    uri = store_uri(params)
    run_id = journal.sent(server.plain(uri))["run_id"]
    return None if run_id and _gone(uri, run_id) else journal


def _gone(uri: str, run_id: str) -> bool:
    """Tell whether a run was surely deleted, or is of a store that is no more."""
    try:
        found = mlflow.MlflowClient(uri).get_run(run_id)
    except MlflowException as error:
        return delivery.final(error)
    return bool(found.info.lifecycle_stage == "deleted")


@contextmanager
def known_errors(
    params: Params, kinds: tuple[type[Exception], ...] = (MlflowException, OSError)
) -> Iterator[None]:
    """Tell what the store refuses as a TrackingError."""
    try:
        yield
    except kinds as error:
        raise _unusable(params, error) from None


def _unusable(params: Params, error: Exception) -> TrackingError:
    return TrackingError(
        server.plain(
            f"the MLflow store {store_uri(params)} should be open to write, but: "
            f"{server.first_line(error)}; check MLFLOW_TRACKING_URI and that the server "
            "runs, or set MLFLOW_OFFLINE=1 to record here until then"
        )
    )
