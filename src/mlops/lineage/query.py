"""Read runs, versions and artifacts from the MLflow stores.

Reads: MLFLOW_TRACKING_URI, else the SQLite stores of the environments under .mlflow/
Writes: nothing
"""

import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlops.tracking import database, search, server  # first: the package sets how MLflow behaves

# isort: split
import mlflow
from mlflow.exceptions import MlflowException

from mlops.core import paths
from mlops.core.errors import TrackingError
from mlops.release.versions.registry import Version
from mlops.tracking.search import Run


class Store:
    """One MLflow store."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        database.prepare(uri)
        self._client = mlflow.MlflowClient(uri, uri)

    def __str__(self) -> str:
        """Return where it is, without a password and without the folders above the project."""
        return re.sub(r"//[^/@\s]*@", "//", self.uri).replace(f"{paths.home()}/", "")

    def run(self, run_id: str) -> Run | None:
        """Return a run, deleted or not, or None where the store has none of this name."""
        found = self._query(lambda: self._client.get_run(run_id))
        return search.read(found) if found else None

    def made(self, model_digest: str) -> list[Run]:
        """Return the runs whose model has this hash, the newest first."""
        query = f"tags.`model.sha256` = '{model_digest}'"
        experiments = self._query(self._client.search_experiments) or []
        ids = [experiment.experiment_id for experiment in experiments]
        runs = self._query(lambda: self._client.search_runs(ids, query)) if ids else []
        return sorted(map(search.read, runs or []), key=lambda run: -run.started)

    def version(self, name: str, which: str) -> Version | None:
        """Return a version by its number or by an alias."""
        by = "get_model_version" if which.isdigit() else "get_model_version_by_alias"
        found = self._query(lambda: getattr(self._client, by)(name, which))
        if not found:
            return None
        whole = self._client.get_model_version(name, found.version)  # by alias it has no aliases
        number, run_id = str(whole.version), whole.run_id or ""
        return Version(whole.name, number, run_id, whole.tags, tuple(whole.aliases))

    def artifact(self, run: Run, name: str) -> bytes | None:
        """Return a file of a run's artifacts, or None if it has none of this name."""
        try:
            folder, _, _ = name.rpartition("/")
            names = {item.path for item in self._client.list_artifacts(run.run_id, folder or None)}
            if name not in names:
                return None
            with tempfile.TemporaryDirectory() as brought:
                path = self._client.download_artifacts(run.run_id, name, brought)
                return Path(path).read_bytes()
        except (MlflowException, OSError) as error:
            raise self._unusable(error) from None

    def _query(self, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise self._unusable(error) from None

    def _unusable(self, error: Exception) -> TrackingError:
        return TrackingError(
            f"cannot read the MLflow store {self}: {server.first_line(error)}; check "
            "MLFLOW_TRACKING_URI, that the server runs, and your credentials"
        )


def stores(first: str) -> list[Store]:
    """Return the stores to ask: the server, else those of the environments, `first` before all."""
    named = os.environ.get("MLFLOW_TRACKING_URI")
    if named:
        return [Store(named)]
    databases = sorted(
        paths.mlflow_store(first).parent.glob("*/mlflow.db"),
        key=lambda path: (path.parent.name != first, path.parent.name),
    )
    return [Store(f"sqlite:///{path}") for path in databases]
