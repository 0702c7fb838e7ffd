"""The runs of an environment, as its MLflow store has them.

Reads: MLFLOW_TRACKING_URI, MLFLOW_OFFLINE, else the environment's SQLite store under .mlflow/
"""

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops.tracking import server, store  # first: the package sets how MLflow behaves

# isort: split
from mlflow import MlflowClient

from mlops.config.schema import Params
from mlops.core.errors import TrackingError

MOST = 1000  # runs that are looked at
UNNAMED = "?"  # a run of 0.4.0 does not say its experiment
BASELINE = re.compile(r"test\.baselines\.(.+)\.accuracy")


@dataclass(frozen=True)
class Run:
    """A run."""

    run_id: str
    name: str
    status: str
    started: int  # milliseconds since 1970
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    params: Mapping[str, str]

    @property
    def experiment(self) -> str:
        """The file of conf/experiment that it was trained by."""
        return self.tags.get("experiment", UNNAMED)

    def figure(self, name: str) -> float | None:
        """Return a figure of the evaluation, which is a metric or a tag."""
        found = self.metrics.get(f"test.{name}", self.tags.get(f"test.{name}"))
        return None if found is None else float(found)

    def baseline(self) -> tuple[float, str] | None:
        """Return accuracy and name of the best baseline."""
        named = ((BASELINE.fullmatch(name), value) for name, value in self.metrics.items())
        return max(((value, match[1]) for match, value in named if match), default=None)


class Runs:
    """The runs of an environment in its store."""

    def __init__(self, params: Params) -> None:
        self.params = params
        uri = server.get_uri(params.environment)
        server.check(uri)
        if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists():
            raise TrackingError(
                f"{params.environment} has no runs on this machine yet; "
                f"run `make train ENV={params.environment}` first"
            )
        self._client: Any = MlflowClient(uri, uri)

    def newest(self, experiment: str = "") -> list[Run]:
        """Return the runs of this project, the newest first, or those of one experiment."""
        query = f"tags.environment = '{self.params.environment}'"
        if experiment:
            query += f" and tags.experiment = '{experiment}'"
        with store.known_errors(self.params):
            places = [one.experiment_id for one in self._client.search_experiments()]
            order = ["attributes.start_time DESC"]
            found = self._client.search_runs(places, query, max_results=MOST, order_by=order)
        runs = [read(one) for one in found]
        ours = self.params.project.name  # others may use the same server
        return [one for one in runs if one.params.get("project.name", ours) == ours]

    def curve(self, run: Run, metric: str) -> list[float]:
        """Return the values of a metric in their order."""
        with store.known_errors(self.params):
            points = self._client.get_metric_history(run.run_id, metric)
        return [point.value for point in sorted(points, key=lambda point: point.step)]

    def file(self, run: Run, path: str) -> bytes | None:
        """Return a file of a run's artifacts; None if it has none of this name."""
        folder, _, _ = path.rpartition("/")
        with store.known_errors(self.params), tempfile.TemporaryDirectory() as brought:
            if path not in {item.path for item in self._client.list_artifacts(run.run_id, folder)}:
                return None
            return Path(self._client.download_artifacts(run.run_id, path, brought)).read_bytes()


def read(found: Any) -> Run:
    """Return what MLflow's client has found; a deleted run says so."""
    info, data = found.info, found.data
    status = info.status if info.lifecycle_stage == "active" else f"{info.status}, DELETED"
    return Run(
        info.run_id, info.run_name or "", status, info.start_time or 0,
        data.tags, data.metrics, data.params,
    )  # fmt: skip
