"""From the journal of a run into an MLflow store, in order, so that repeating it changes nothing.

Parameters and tags keep their values, files are overwritten, and the SQL stores of MLflow take a
point of a metric (name, value, time, step) once. A new run carries the journal's name, by which it
is found again if the process is killed before it could note the run's id.

What a store refuses for good (a value, never the run) is left out: a warning and the run's tag
`refused` name it. Metrics stay in reports/metrics.json, parameters in params.yaml.
"""

import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from mlflow import MlflowClient
from mlflow.data.dataset_source_registry import resolve_dataset_source
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from mlops.core import paths
from mlops.core.errors import TrackingError
from mlops.tracking import database, naming, server
from mlops.tracking.entries import DAMAGED, Entry
from mlops.tracking.journal import Journal

log = logging.getLogger(__name__)

POINTS = 1000  # that MLflow takes at once
WORDS = 100  # parameters or tags that it takes at once
NAME = "journal"  # the tag that names it
# What is no better at the next try.
GONE = "RESOURCE_DOES_NOT_EXIST"
FINAL = {GONE, "INVALID_PARAMETER_VALUE", "INVALID_STATE", "BAD_REQUEST"}


def deliver(journal: Journal, uri: str) -> str:
    """Bring what a store lacks of a run; return the run's id there."""
    try:
        return _deliver(journal, uri)
    except MlflowException as error:
        store = server.plain(uri)
        lost = error.error_code == GONE and journal.sent(store)["run_id"]
        if not lost or "experiment" not in journal.head():
            raise
        # The store is a new one: the whole journal makes the run again.
        journal.mark(store, run_id=None, end=0)
        return _deliver(journal, uri)


def _deliver(journal: Journal, uri: str) -> str:
    client, store = MlflowClient(uri), server.plain(uri)
    sent = journal.sent(store)
    run_id = str(sent["run_id"] or _create(client, journal, uri))
    refused = list(sent.get("refused", []))
    for end, entries in _together(journal.entries(int(sent["end"]))):
        if new := _send(client, run_id, journal, entries):
            refused += new
            _tell(client, run_id, new, refused)
        journal.mark(store, end=end, refused=refused)
    return run_id


def experiment(client: MlflowClient, name: str, location: str | None) -> str:
    """Return the id of an experiment, which is made where it is missing."""
    found = client.get_experiment_by_name(name)
    return str(found.experiment_id if found else client.create_experiment(name, location))


def location(environment: str, uri: str, named: str | None) -> str | None:
    """Return where the artifacts of an experiment go; None leaves it to the server."""
    if not uri.startswith("sqlite:"):
        return named
    store = paths.mlflow_store(environment)
    store.mkdir(parents=True, exist_ok=True)
    return named or (store / "artifacts").as_uri()


def final(error: Exception) -> bool:
    """Tell whether trying again is of no use."""
    if isinstance(error, MlflowException):
        return error.error_code in FINAL
    return isinstance(error, TrackingError)


def _create(client: MlflowClient, journal: Journal, uri: str) -> str:
    store, head = server.plain(uri), journal.head()
    if not {"name", "experiment", "artifact_location", "tags"} <= head.keys():
        raise TrackingError(
            f"the first line of {journal.path.relative_to(paths.home())} is damaged, so that the "
            "run cannot be made"
        )
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


def _send(client: MlflowClient, run_id: str, journal: Journal, entries: list[Entry]) -> list[str]:
    """Send entries of one kind; return what the store refuses, each with its reason."""
    (first, *_) = entries
    kind = first["kind"]
    if kind == DAMAGED:
        return ["journal: a line of it is damaged"]
    if kind == "metrics":
        points = [point for entry in entries for point in _points(entry)]
        lost = [name for entry in entries for name in _no_numbers(entry)]
        return lost + _log(client, run_id, kind, _parts(points, POINTS))
    if kind in ("params", "tags"):
        return _log(client, run_id, kind, _parts(_words(kind, first["values"]), WORDS))
    if kind == "files" and not journal.files(first).is_dir():
        return ["files: the journal has lost them"]
    try:
        _action(client, run_id, journal, first)()
    except MlflowException as error:
        _raise_unless_refused(client, run_id, error)
        return [f"{kind}: {_reason(error)}"]
    return []


def _action(
    client: MlflowClient, run_id: str, journal: Journal, entry: Entry
) -> Callable[[], object]:
    kind, value = entry["kind"], entry.get("value")
    if kind == "dataset":
        return lambda: client.log_inputs(run_id, [_dataset(entry)])
    if kind == "files":
        files = str(journal.files(entry))
        return partial(client.log_artifacts, run_id, files, entry["to"] or None)
    if kind == "status" and value == "RUNNING":
        return partial(client.update_run, run_id, value)
    if kind == "status":
        return partial(client.set_terminated, run_id, value, entry["time"])
    return lambda: None


def _parts(items: list[Any], most: int) -> list[list[Any]]:
    return [items[start : start + most] for start in range(0, len(items), most)]


def _log(client: MlflowClient, run_id: str, kind: str, waiting: list[list[Any]]) -> list[str]:
    """Log part after part; one that is refused is halved until what is wrong stands alone."""
    refused: list[str] = []
    while waiting:
        part = waiting.pop(0)
        try:
            client.log_batch(run_id, **{kind: part})
        except MlflowException as error:
            _raise_unless_refused(client, run_id, error)
            if len(part) > 1:
                waiting[:0] = _parts(part, (len(part) + 1) // 2)
            else:
                refused.append(f"{part[0].key}: {_reason(error)}")
    return refused


def _raise_unless_refused(client: MlflowClient, run_id: str, error: MlflowException) -> None:
    """Raise what is no refusal of a value: a server that is away, a deleted run, a broken store."""
    broken = database.is_damaged(str(error))
    if broken or not final(error) or client.get_run(run_id).info.lifecycle_stage == "deleted":
        raise error


def _reason(error: MlflowException) -> str:
    return server.first_line(error)[:200]  # MLflow repeats the values


def _tell(client: MlflowClient, run_id: str, new: list[str], refused: list[str]) -> None:
    log.warning(
        "MLflow refuses %d values of this run, which lacks them there; reports/metrics.json and "
        "params.yaml have them: %s",
        len(new),
        "; ".join(new[:3]) + (" and more" if len(new) > 3 else ""),
    )
    text = naming.cut(f"{len(refused)}: {'; '.join(refused)}", naming.LONGEST_TAG)
    client.set_tag(run_id, "refused", text)


def _points(entry: Entry) -> list[Metric]:
    time, step = entry["time"], entry["step"]
    return [
        Metric(naming.valid(name), float(value), time, step)
        for name, value in entry["values"].items()
        if _is_number(value)
    ]


def _no_numbers(entry: Entry) -> list[str]:
    values = entry["values"].items()
    return [f"{name}: no number" for name, value in values if not _is_number(value)]


def _is_number(value: object) -> bool:
    try:
        return isinstance(value, int | float) and float(value) is not None
    except OverflowError:  # a whole number of 400 digits
        return False


def _words(kind: str, values: Mapping[str, Any]) -> list[Any]:
    make: Callable[[str, str], Any] = Param if kind == "params" else RunTag
    longest = naming.LONGEST_PARAM if kind == "params" else naming.LONGEST_TAG
    return [
        make(naming.valid(name), naming.cut(str(text), longest)) for name, text in values.items()
    ]


def _dataset(entry: Entry) -> DatasetInput:
    # MLflow registers its local source twice and warns that it must choose one of them.
    warnings.filterwarnings("ignore", message="The specified dataset source can be interpreted")
    source = resolve_dataset_source(entry["source"])
    dataset = MetaDataset(source, name=entry["name"], digest=entry["digest"])
    tags = [InputTag("mlflow.data.context", entry["name"])]
    return DatasetInput(dataset._to_mlflow_entity(), tags)
