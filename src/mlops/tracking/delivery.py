"""Send the journal of a run to an MLflow store, in order, so that repeating it changes nothing.

Parameters and tags keep their values, files are overwritten, and the SQL stores of MLflow take a
point of a metric (name, value, time, step) once. A new run carries the journal's name, by which it
is found again if the process is killed before it could note the run's id.

A value that a store refuses for good is left out, never the run: a warning and the run's tag
`refused` name it. Metrics stay in reports/metrics.json, parameters in params.yaml.
"""

import json
import logging
from collections.abc import Iterable, Iterator
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from mlops.core import paths
from mlops.core.errors import TrackingError
from mlops.tracking import database, naming, server, store
from mlops.tracking.journal import DAMAGED, Entry, Journal

log = logging.getLogger(__name__)

POINTS = 1000  # that MLflow takes at once
VALUES = 100  # parameters or tags that it takes at once
NAME = "journal"  # the tag that names it
HEAD = {"name", "experiment", "artifact_location", "tags"}
ENTITIES = {"params": (Param, naming.LONGEST_PARAM), "tags": (RunTag, naming.LONGEST_TAG)}


def deliver(journal: Journal, uri: str) -> str:
    """Send what a store lacks of a run; return the run's id there."""
    try:
        return _deliver(journal, uri)
    except MlflowException as error:
        place = server.redact(uri)
        lost = error.error_code == store.GONE and journal.sent(place)["run_id"]
        if not lost or "experiment" not in journal.head():
            raise
        # The store is a new one: the whole journal creates the run again.
        journal.mark(place, run_id=None, end=0)
        return _deliver(journal, uri)


def _deliver(journal: Journal, uri: str) -> str:
    client, place = MlflowClient(uri), server.redact(uri)
    sent = journal.sent(place)
    run_id = str(sent["run_id"] or _create_run(client, journal, uri))
    refused = list(sent.get("refused", []))
    for end, entries in _join_metrics(journal.entries(int(sent["end"]))):
        if new := _send(client, run_id, journal, entries):
            refused += new
            _report_refused(client, run_id, new, refused)
        journal.mark(place, end=end, refused=refused)
    return run_id


def _create_run(client: MlflowClient, journal: Journal, uri: str) -> str:
    place, head = server.redact(uri), journal.head()
    if not head.keys() >= HEAD:
        raise TrackingError(
            f"the first line of {journal.path.relative_to(paths.home())} is damaged, so its run "
            "cannot be created"
        )
    location = store.artifact_location(journal.environment, uri, head["artifact_location"])
    experiment = store.create_experiment(client, head["experiment"], location)
    found = []
    if place in journal.stores():  # tried before: it may have been created
        found = client.search_runs([experiment], f"tags.{NAME} = '{journal.name}'", max_results=1)
    journal.mark(place, end=0)
    tags = {**head["tags"], NAME: journal.name}
    run = found[0] if found else client.create_run(experiment, head["time"], tags, head["name"])
    journal.mark(place, run_id=run.info.run_id, page=f"{experiment}/runs/{run.info.run_id}")
    return str(run.info.run_id)


def _join_metrics(entries: Iterable[tuple[int, Entry]]) -> Iterator[tuple[int, list[Entry]]]:
    """Join metrics that follow each other, as many as MLflow takes at once."""
    joined: list[Entry] = []
    last, points = 0, 0
    for end, entry in entries:
        size = len(entry["values"]) if entry["kind"] == "metrics" else POINTS
        if joined and points + size > POINTS:
            yield last, joined
            joined, points = [], 0
        joined, last, points = [*joined, entry], end, points + size
    if joined:
        yield last, joined


def _send(client: MlflowClient, run_id: str, journal: Journal, entries: list[Entry]) -> list[str]:
    """Send entries of one kind; return what the store refuses, each with its reason."""
    (first, *_) = entries
    kind = first["kind"]
    if kind == DAMAGED:
        return ["journal: a line of it is damaged"]
    if kind == "metrics":
        points, refused = _build_points(entries)
        return refused + _log(client, run_id, kind, _split(points, POINTS))
    if kind in ENTITIES:
        build, longest = ENTITIES[kind]
        values = [
            build(naming.clean_name(name), naming.cut(str(text), longest))
            for name, text in first["values"].items()
        ]
        return _log(client, run_id, kind, _split(values, VALUES))
    if kind == "files" and not journal.files(first).is_dir():
        return ["files: the journal has lost them"]
    try:
        _send_one(client, run_id, journal, first)
    except MlflowException as error:
        _raise_unless_refused(client, run_id, error)
        return [f"{kind}: {_shorten(error)}"]
    return []


def _send_one(client: MlflowClient, run_id: str, journal: Journal, entry: Entry) -> None:
    kind, value = entry["kind"], entry.get("value")
    if kind == "dataset":
        # As mlflow.data makes it of a local file, without its warning that two sources fit.
        source = json.dumps({"uri": entry["source"]})
        dataset = Dataset(entry["name"], entry["digest"], "local", source)
        tags = [InputTag("mlflow.data.context", entry["name"])]
        client.log_inputs(run_id, [DatasetInput(dataset, tags)])
    elif kind == "files":
        client.log_artifacts(run_id, str(journal.files(entry)), entry["to"] or None)
    elif kind == "status" and value == "RUNNING":
        client.update_run(run_id, value)
    elif kind == "status":
        client.set_terminated(run_id, value, entry["time"])


def _split(items: list[Any], most: int) -> list[list[Any]]:
    return [items[start : start + most] for start in range(0, len(items), most)]


def _log(client: MlflowClient, run_id: str, kind: str, waiting: list[list[Any]]) -> list[str]:
    """Log part after part; one that is refused is halved until what is wrong is alone in it."""
    refused: list[str] = []
    while waiting:
        part = waiting.pop(0)
        try:
            client.log_batch(run_id, **{kind: part})
        except MlflowException as error:
            _raise_unless_refused(client, run_id, error)
            if len(part) > 1:
                waiting[:0] = _split(part, (len(part) + 1) // 2)
            else:
                refused.append(f"{part[0].key}: {_shorten(error)}")
    return refused


def _raise_unless_refused(client: MlflowClient, run_id: str, error: MlflowException) -> None:
    """Raise what is not about a value: a server that is down, a deleted run, a broken store."""
    broken = database.is_damaged(str(error)) or not store.is_final(error)
    if broken or client.get_run(run_id).info.lifecycle_stage == "deleted":
        raise error


def _shorten(error: MlflowException) -> str:
    return server.first_line(error)[:200]  # MLflow repeats the values


def _report_refused(client: MlflowClient, run_id: str, new: list[str], refused: list[str]) -> None:
    log.warning(
        "MLflow refuses %d values of this run, which lacks them there; reports/metrics.json and "
        "params.yaml have them: %s",
        len(new),
        "; ".join(new[:3]) + (" and more" if len(new) > 3 else ""),
    )
    text = naming.cut(f"{len(refused)}: {'; '.join(refused)}", naming.LONGEST_TAG)
    client.set_tag(run_id, "refused", text)


def _build_points(entries: list[Entry]) -> tuple[list[Metric], list[str]]:
    """Return the points of these entries, and what is not a number."""
    points, refused = [], []
    for entry in entries:
        for name, value in entry["values"].items():
            try:
                number = float(value) if isinstance(value, int | float) else None
            except OverflowError:  # a whole number of 400 digits
                number = None
            if number is None:
                refused.append(f"{name}: not a number")
            else:
                points.append(Metric(naming.clean_name(name), number, entry["time"], entry["step"]))
    return points, refused
