"""Find and delete the MLflow runs and logged models that are expired and unused.

Reads: MLFLOW_TRACKING_URI, else the environment's SQLite store under .mlflow/
Writes: that store: runs, logged models and their artifacts are deleted
"""

import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from mlops.tracking import database, description, server  # first: the package sets up MLflow

# isort: split
import mlflow
from botocore.exceptions import BotoCoreError, ClientError
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from mlops.config.schema import Params
from mlops.core.errors import TrackingError
from mlops.storage.git_hashes import find_hashes
from mlops.storage.retention_plan import Item, Plan
from mlops.tracking.store import known_errors

RUNS, MODELS = "MLflow runs", "logged models"
ENDED = ("FINISHED", "FAILED", "KILLED")
NUMBER = re.compile(r"[0-9a-f]{32}")
LOCK = "dvc.lock"
OLDEST = 3  # release of a server that knows logged models
PAGE, MODEL_PAGE = 1000, 50  # as many as MLflow gives at once
BATCH = 50  # deleted between two looks at the registry


class Store:
    """The MLflow store of an environment."""

    def __init__(self, params: Params) -> None:
        self._params = params
        self._uri = server.get_uri(params.environment)
        local = self._uri.startswith("sqlite:")
        self._absent = local and not Path(self._uri.removeprefix("sqlite:///")).exists()
        self._threads = 1 if local else 8
        database.prepare(self._uri)
        # The client would make the file.
        self._client: Any = None if self._absent else mlflow.MlflowClient(self._uri, self._uri)
        self._experiments: dict[str, str] = {}

    def plan(self, cutoff: float) -> tuple[Plan, set[str]]:
        """Plan to delete what ended before `cutoff` and is used by no version.

        Also return all hashes that the runs which stay carry.
        """
        plan = Plan()
        if self._absent:
            return plan, set()
        self._check_server()
        with self._known():
            runs = self._runs()
            models = self._models()
            used = self._used()
            used |= {one.source_run_id for one in models if _number(one.model_id) in used}
            reasons = {run.info.run_id: self._reason(run, used, cutoff) for run in runs}
            expired = []
            for one in models:
                # Also of a run that was deleted, by hand or by a `mlflow gc`, which leaves them.
                if _number(one.model_id) in used:
                    plan.stay(MODELS, "registered")
                elif reasons.get(one.source_run_id, "unknown"):
                    plan.stay(MODELS, "of a run that stays")
                else:
                    expired.append((MODELS, one.model_id, one.artifact_location))
            active = [run for run in runs if run.info.lifecycle_stage == "active"]
            staying = [run for run in active if reasons[run.info.run_id]]
            for run in staying:
                plan.stay(RUNS, reasons[run.info.run_id])
            gone = [run.info for run in active if not reasons[run.info.run_id]]
            expired += [(RUNS, info.run_id, info.artifact_uri) for info in gone]
            sizes = self._each(self._size, [place for _, _, place in expired])
            plan.going += [
                Item(kind, name, size, place)
                for (kind, name, place), size in zip(expired, sizes, strict=True)
            ]
            return plan, set().union(*self._each(self._hashes, staying))

    def delete(self, going: Sequence[Item]) -> list[Item]:
        """Delete what is still unused, the files first: after a kill the rest is found again."""
        done: list[Item] = []
        with self._known():
            for start in range(0, len(going), BATCH):
                used = self._used()  # somebody may have registered one meanwhile
                unused = [i for i in going[start : start + BATCH] if _number(i.name) not in used]
                self._each(self._delete, unused)
                done += unused
        return done

    def _delete(self, item: Item) -> None:
        get_artifact_repository(item.place, tracking_uri=self._uri).delete_artifacts()
        if item.kind == MODELS:
            self._client.delete_logged_model(item.name)
        else:
            self._client.delete_run(item.name)

    def _reason(self, run: Any, used: set[str], cutoff: float) -> str:
        """Return why a run stays; nothing if it may go."""
        info, name = run.info, self._experiments[run.info.experiment_id]
        reasons = {
            "of another environment": run.data.tags.get("environment") != self._params.environment,
            "of another experiment": not description.is_ours(self._params, name),
            "not ended": info.status not in ENDED,
            "younger": (info.end_time or info.start_time) >= cutoff * 1000,
            "registered": info.run_id in used,
        }
        return next((reason for reason, holds in reasons.items() if holds), "")

    def _used(self) -> set[str]:
        """Return the numbers of runs and logged models that any registered version leads to.

        A version names them in its fields, its source, or only by where its files lie: a copy of
        a version keeps the folder of the first, which may be deleted.
        """
        search = self._client.search_model_versions
        found = _all(lambda token: search(max_results=PAGE, page_token=token))
        place = self._client.get_model_version_download_uri
        unclear = [one for one in found if not NUMBER.search(one.source)]  # a question for each
        places = self._each(lambda one: place(one.name, one.version), unclear)
        fields = [(one.run_id, one.model_id, one.source) for one in found]
        return set(NUMBER.findall(f"{fields} {places}"))

    def _runs(self) -> list[Any]:
        """Return all runs, deleted ones too."""
        search = self._client.search_experiments
        found = _all(lambda token: search(ViewType.ALL, max_results=PAGE, page_token=token))
        self._experiments = {one.experiment_id: one.name for one in found}
        ids, look = [*self._experiments], self._client.search_runs
        return _all(lambda token: look(ids, "", ViewType.ALL, PAGE, page_token=token))

    def _models(self) -> list[Any]:
        ids, search = [*self._experiments], self._client.search_logged_models
        return _all(lambda token: search(ids, max_results=MODEL_PAGE, page_token=token))

    def _size(self, place: str) -> int:
        """Return the bytes of a folder of artifacts."""
        repository = get_artifact_repository(place, tracking_uri=self._uri)
        total, folders = 0, [""]
        while folders:
            for entry in repository.list_artifacts(folders.pop() or None):
                if entry.is_dir:
                    folders.append(entry.path)
                else:
                    total += entry.file_size or 0
        return total

    def _hashes(self, run: Any) -> set[str]:
        """Return the hashes that a run carries, in its tags and in its dvc.lock."""
        found = find_hashes(" ".join(run.data.tags.values()))
        repository = get_artifact_repository(run.info.artifact_uri, tracking_uri=self._uri)
        if LOCK in {entry.path for entry in repository.list_artifacts()}:
            with tempfile.TemporaryDirectory(prefix="retention-") as folder:
                path = repository.download_artifacts(LOCK, folder)
                found |= find_hashes(Path(path).read_text("utf-8", "replace"))
        return found

    def _each(self, function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        with ThreadPoolExecutor(self._threads) as pool:
            return list(pool.map(function, items))

    def _known(self) -> AbstractContextManager[None]:
        kinds = (MlflowException, OSError, BotoCoreError, ClientError)
        return known_errors(self._params, kinds)

    def _check_server(self) -> None:
        """Raise a TrackingError where the server has no logged models yet."""
        if self._uri.startswith("http") and (found := server.version(self._uri)):
            number = found.partition(".")[0]
            if number.isdigit() and int(number) < OLDEST:
                raise TrackingError(
                    f"the MLflow server {server.redact(self._uri)} is version {found}; "
                    f"retention needs {OLDEST}.0 or newer: nothing was deleted; upgrade the server"
                )


def _number(name: str) -> str:
    """Return the number in the name of a run or of a logged model."""
    return name.removeprefix("m-")


def _all(page: Callable[[str | None], Any]) -> list[Any]:
    """Return what all pages hold."""
    found, token = [], None
    while True:
        answer = page(token)
        found += answer
        token = answer.token
        if not token:
            return found
