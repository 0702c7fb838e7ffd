"""The MLflow run of a training: recorded in a journal first, and sent to the store from there.

Reads: MLFLOW_TRACKING_URI, MLFLOW_OFFLINE, else the environment's SQLite store under .mlflow/
Writes: .runs/<env>/ (the journals of runs), from there that store; .runs/<model>.json, which finds
    a model's run again
"""

import json
import logging
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from mlops.config.schema import Params
from mlops.core import dvc_lock, hashing
from mlops.tracking import database, delivery, naming, provenance, records, server, store, sync
from mlops.tracking.journal import Journal
from mlops.tracking.recorder import Run
from mlops.tracking.sender import Sender
from mlops.tracking.system_metrics import SystemMetrics

log = logging.getLogger(__name__)


@contextmanager
def training_run(params: Params, data: Mapping[str, str], resume: Path) -> Iterator[Run]:
    """Open the run of a training; `data` maps the name of each data set to its digest.

    The file `resume` names its journal while it is open: a training that was killed continues it.
    """
    uri = server.get_uri(params.environment)
    server.check(uri)
    with store.known_errors(params):
        store.open_store(params)
        journal = _previous(params, resume) or Journal(params.environment)
    with journal.lock():
        run = Run(journal, uri)
        with store.known_errors(params):
            if journal.exists():
                journal.set_target(server.redact(uri), server.is_offline())
                journal.append("status", value="RUNNING")
            else:
                run.start(params)
                run.describe(params, data)
            resume.parent.mkdir(parents=True, exist_ok=True)
            resume.write_text(journal.name, encoding="utf-8")
            provenance.warn()
            run.run_id = delivery.deliver(journal, uri)
        with _sending(run):
            yield run


def log_evaluation(
    params: Params, model_digest: str, metrics: Mapping[str, Any], folder: Path
) -> None:
    """Add the evaluation of a model to the run that trained it, or to a new one in this store."""
    with _reopened(params, model_digest) as run:
        run.log_evaluation(params, metrics)
        run.journal.attach(folder, folder.name)
        if other := naming.find_renamed(metrics, "test"):
            names = json.dumps(other, indent=1, ensure_ascii=False).encode("utf-8", "replace")
            run.journal.attach({"metric_names.json": names}, folder.name)
        run.attach_state(provenance.read_state())
    records.write(model_digest, evaluated=True)


def log_state(params: Params, model_digest: str) -> None:
    """Add to a model's run what is known once the whole pipeline has run: the complete dvc.lock."""
    record, now = records.read(model_digest), provenance.read_state()
    if not record or dvc_lock.LOCK.name not in now.files or not _find_journal(params, record):
        return
    with _reopened(params, model_digest) as run:
        run.attach_state(now)
    dirty = now.tags.get("git.dirty")
    records.write(model_digest, lock=hashing.digest(dvc_lock.LOCK), dirty=dirty)


@contextmanager
def _sending(run: Run) -> Iterator[None]:
    """Send while the training runs, which waits for nothing; then record how the run ended."""
    before, start = float(run.journal.tags().get("duration_s", "0")), time.monotonic()
    status = "FAILED"
    with Sender(partial(delivery.deliver, run.journal, run.uri), store.is_final) as sender:
        run.notify = sender.notify
        try:
            with SystemMetrics(run.log_metrics, run.next_sample(), run.uri):
                yield
            status = "FINISHED"
        except KeyboardInterrupt:
            status = "KILLED"
            raise
        finally:
            run.tag({"duration_s": f"{before + time.monotonic() - start:.1f}"})
            run.journal.append("status", value=status)
    # The journal stays until the next verb: only then the training cannot be resumed any more.
    if sender.failure:
        _warn_unsent(run, sender.failure)


@contextmanager
def _reopened(params: Params, model_digest: str) -> Iterator[Run]:
    """Open the run of a model, or a new one where this store has none, and send what it records."""
    record, uri = records.read(model_digest) or {}, server.get_uri(params.environment)
    home = _find_journal(params, record)
    journal = home or Journal(params.environment)
    with journal.lock():
        run = Run(journal, uri)
        if not home:
            run.start(params, "-restored")
            run.describe(params, {})
            # Packages and machine are those of the evaluation: what trained it is not known here.
            run.tag({"restored": "yes"})
            run.finish(params, model_digest)
        elif not journal.exists():  # all of it was sent
            journal.set_target(record["tracking_uri"], False)
            journal.mark(record["tracking_uri"], run_id=record["run_id"])
            journal.append("run", continued=True)
        yield run
        if not home:
            journal.append("status", value="FINISHED")
        _send_now(run, params)
        sync.settle(journal)


def _find_journal(params: Params, record: Mapping[str, Any]) -> Journal | None:
    """Return the journal of a recorded run if it is this environment's and this store's."""
    uri = server.get_uri(params.environment)
    database.prepare(uri)
    if record.get("environment") != params.environment:
        return None
    journal = Journal(params.environment, record.get("journal", ""))
    if record["tracking_uri"] != server.redact(uri):
        return journal if server.is_offline() and journal.exists() else None
    return journal if journal.exists() or not store.is_deleted(uri, record["run_id"]) else None


def _send_now(run: Run, params: Params) -> None:
    if run.journal.store != server.redact(run.uri):
        return  # it waits for its server
    try:
        server.check(run.uri)
        delivery.deliver(run.journal, run.uri)
    except Exception as error:
        # A store on this machine lacks room or rights: the same command continues then.
        if not store.is_final(error) and not run.uri.startswith("http"):
            raise store.unusable(params, error) from None
        _warn_unsent(run, error)


def _warn_unsent(run: Run, error: Exception) -> None:
    reason = server.first_line(error)
    log.warning(
        "MLflow lacks a part of this run, which is kept here: %s. `make sync ENV=%s` sends it "
        "once MLflow takes it.",
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
    uri = server.get_uri(params.environment)
    run_id = journal.sent(server.redact(uri))["run_id"]
    return None if run_id and store.is_deleted(uri, run_id) else journal
