"""From the journal of a run into an MLflow store, in order, so that repeating it changes nothing.

Parameters and tags keep their values, files are overwritten, and the SQL stores of MLflow take a
point of a metric (name, value, time, step) once. A new run carries the journal's name, by which it
is found again if the process is killed before it could note the run's id.
"""

import warnings
from collections.abc import Iterable, Iterator

from mlflow import MlflowClient
from mlflow.data.dataset_source_registry import resolve_dataset_source
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from ml import places
from ml.journaling import server
from ml.journaling.journal import Entry, Journal

POINTS = 1000  # that MLflow takes at once
WORDS = 100  # parameters or tags that it takes at once
NAME = "journal"  # the tag that names it
# What is no better at the next try.
FINAL = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "INVALID_STATE", "BAD_REQUEST"}


def deliver(journal: Journal, uri: str) -> str:
    """Bring what a store lacks of a run; return the run's id there."""
    client, store = MlflowClient(uri), server.plain(uri)
    sent = journal.sent(store)
    run_id = str(sent["run_id"] or _create(client, journal, uri))
    for end, entries in _together(journal.entries(int(sent["end"]))):
        _send(client, run_id, journal, entries)
        journal.mark(store, end=end)
    return run_id


def experiment(client: MlflowClient, name: str, location: str | None) -> str:
    """Return the id of an experiment, which is made where it is missing."""
    found = client.get_experiment_by_name(name)
    return str(found.experiment_id if found else client.create_experiment(name, location))


def location(environment: str, uri: str, named: str | None) -> str | None:
    """Return where the artifacts of an experiment go; None leaves it to the server."""
    if not uri.startswith("sqlite:"):
        return named
    store = places.mlflow_store(environment)
    store.mkdir(parents=True, exist_ok=True)
    return named or (store / "artifacts").as_uri()


def final(error: Exception) -> bool:
    """Tell whether trying again is of no use."""
    return isinstance(error, MlflowException) and error.error_code in FINAL


def _create(client: MlflowClient, journal: Journal, uri: str) -> str:
    store, head = server.plain(uri), journal.head()
    place = location(journal.environment, uri, head["artifact_location"])
    home = experiment(client, head["experiment"], place)
    found = None
    if store in journal.stores():  # tried before: perhaps it was made
        made = client.search_runs([home], f"tags.{NAME} = '{journal.name}'", max_results=1)
        found = made[0] if made else None
    journal.mark(store, end=0)
    tags = {**head["tags"], NAME: journal.name}
    run = found or client.create_run(home, head["time"], tags, head["name"])
    journal.mark(store, run_id=run.info.run_id)
    return str(run.info.run_id)


def _together(entries: Iterable[tuple[int, Entry]]) -> Iterator[tuple[int, list[Entry]]]:
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


def _send(client: MlflowClient, run_id: str, journal: Journal, entries: list[Entry]) -> None:
    (first, *_) = entries
    kind, value = first["kind"], first.get("value")
    if kind == "metrics":
        client.log_batch(run_id, [point for entry in entries for point in _points(entry)])
    elif kind in ("params", "tags"):
        make = Param if kind == "params" else RunTag
        words = [make(name, str(text)) for name, text in first["values"].items()]
        for start in range(0, len(words), WORDS):
            client.log_batch(run_id, **{kind: words[start : start + WORDS]})
    elif kind == "dataset":
        client.log_inputs(run_id, [_dataset(first)])
    elif kind == "files":
        client.log_artifacts(run_id, str(journal.files(first)), first["to"] or None)
    elif kind == "status" and value == "RUNNING":
        client.update_run(run_id, value)
    elif kind == "status":
        client.set_terminated(run_id, value, first["time"])


def _points(entry: Entry) -> list[Metric]:
    time, step = entry["time"], entry["step"]
    return [Metric(name, value, time, step) for name, value in entry["values"].items()]


def _dataset(entry: Entry) -> DatasetInput:
    # MLflow registers its local source twice and warns that it must choose one of them.
    warnings.filterwarnings("ignore", message="The specified dataset source can be interpreted")
    source = resolve_dataset_source(entry["source"])
    dataset = MetaDataset(source, name=entry["name"], digest=entry["digest"])
    tags = [InputTag("mlflow.data.context", entry["name"])]
    return DatasetInput(dataset._to_mlflow_entity(), tags)
