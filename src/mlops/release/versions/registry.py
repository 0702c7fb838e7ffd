"""The door to MLflow's model registry of an environment: versions, their files, aliases.

Reads: MLFLOW_TRACKING_URI, else the environment's SQLite store under .mlflow/
Writes: the registry in that store
"""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from mlops.config.schema import Params
from mlops.core import hashing
from mlops.core.errors import DeployError
from mlops.tracking.store import known_errors
from mlops.tracking.store import open_store as connect

# Of a run's artifacts: where each version has a folder named by its content, and the one folder
# that all shared up to 0.4.0.
RELEASES, SHARED = "releases", "release"
CHALLENGER, CHAMPION = "challenger", "champion"
MADE = "made."  # begins the tag that names a commit of which the version was made


@dataclass(frozen=True)
class Version:
    """A registered version."""

    name: str
    number: str
    run_id: str
    tags: Mapping[str, str]
    aliases: tuple[str, ...]
    source: str = ""  # where its files lie
    created: int = 0  # Unix time

    def __str__(self) -> str:
        return f"{self.name} version {self.number}"


class Registry:
    """The versions of what answers at one place, in one environment."""

    def __init__(self, params: Params) -> None:
        self.name = params.mlflow.registered_model
        self._params = params
        with known_errors(params):
            connect(params)
        self._client = mlflow.MlflowClient()

    def versions(self, **tags: str) -> list[Version]:
        """Return the versions that have these tags, the newest first."""
        with known_errors(self._params):
            found = self._client.search_model_versions(f"name = '{self.name}'")
            # The search gives no aliases.
            whole = [self._get(version.version) for version in found]
        wanted = [one for one in whole if tags.items() <= one.tags.items()]
        return sorted(wanted, key=lambda one: -int(one.number))

    def run_of(self, model_digest: str) -> str | None:
        """Return the newest run whose model has this hash."""
        with known_errors(self._params):
            query = f"tags.`model.sha256` = '{model_digest}'"
            places = [one.experiment_id for one in self._client.search_experiments()]
            found = self._client.search_runs(places, query, max_results=1) if places else []
        return str(found[0].info.run_id) if found else None

    def alias(self, alias: str) -> Version | None:
        """Return the version that an alias names."""
        found = self._ask(lambda: self._client.get_model_version_by_alias(self.name, alias))
        return self.find(found.version) if found else None  # by alias it comes without aliases

    def find(self, number: str) -> Version | None:
        """Return the version with a number."""
        found: Version | None = self._ask(lambda: self._get(number))
        return found

    def create(self, run_id: str, folder: Path, tags: Mapping[str, Any]) -> Version:
        """Upload a release to the run that trained it, and make a version of it.

        It gets a folder of its own, which no other version can overwrite.
        """
        place = f"{RELEASES}/{hashing.digest(folder)}"
        with known_errors(self._params):
            self._upload(run_id, folder, place)
            if not self._ask(lambda: self._client.get_registered_model(self.name)):
                self._client.create_registered_model(self.name)
            made = self._client.create_model_version(
                self.name, f"runs:/{run_id}/{place}", run_id, tags={**tags}
            )
            return self._get(made.version)

    def point(self, alias: str, version: Version) -> None:
        """Make an alias name a version."""
        with known_errors(self._params):
            self._client.set_registered_model_alias(self.name, alias, version.number)

    def forget(self, alias: str) -> None:
        """Let an alias name no version."""
        with known_errors(self._params):
            self._client.delete_registered_model_alias(self.name, alias)

    def tag(self, version: Version, tags: Mapping[str, str]) -> None:
        """Add tags to a version."""
        with known_errors(self._params):
            for name, value in tags.items():
                self._client.set_model_version_tag(self.name, version.number, name, value)

    def download(self, version: Version, folder: Path, part: str = "") -> Path:
        """Bring the files of a version, or a part of them, here; return where they lie."""
        with known_errors(self._params):
            place = f"models:/{version.name}/{version.number}/{part}".rstrip("/")
            return Path(mlflow.artifacts.download_artifacts(place, dst_path=str(folder)))

    def notes(self) -> dict[str, str]:
        """Return the tags that all versions have in common."""
        found = self._ask(lambda: self._client.get_registered_model(self.name))
        return dict(found.tags) if found else {}

    def note(self, name: str, value: str) -> None:
        """Add a tag to what all versions have in common."""
        with known_errors(self._params):
            self._client.set_registered_model_tag(self.name, name, value)

    def keep(self, version: Version, text: str) -> str:
        """Keep a text with the files of a version; return its SHA-256, by which it is found."""
        digest = hashing.text(text)
        with known_errors(self._params):
            self._client.log_text(version.run_id, text, _kept(digest))
        return digest

    def kept(self, version: Version, digest: str) -> str:
        """Return the text that was kept under this SHA-256."""
        with known_errors(self._params):
            place = f"runs:/{version.run_id}/{_kept(digest)}"
            text = str(mlflow.artifacts.load_text(place))
        if hashing.text(text) != digest:
            raise DeployError(
                f"{place}, the manifests that were live, was changed; restore it, or deploy "
                "another version"
            )
        return text

    def logged(self, run_id: str, metric: str) -> list[float]:
        """Return all values that a run was ever given for a metric."""
        with known_errors(self._params):
            return [one.value for one in self._client.get_metric_history(run_id, metric)]

    def _ask(self, question: Callable[[], Any]) -> Any:
        """Return what the store answers; None where it has nothing of this name."""
        with known_errors(self._params):
            try:
                return question()
            except MlflowException as error:
                if error.error_code in _ABSENT:
                    return None
                raise

    def _upload(self, run_id: str, folder: Path, place: str) -> None:
        if self._client.list_artifacts(run_id, place):  # of a registration that was killed
            with tempfile.TemporaryDirectory(prefix="uploaded-") as name:
                found = self._client.download_artifacts(run_id, place, name)
                if hashing.digest(Path(found)) == hashing.digest(folder):
                    return
            run = self._client.get_run(run_id)
            get_artifact_repository(run.info.artifact_uri).delete_artifacts(place)
        self._client.log_artifacts(run_id, str(folder), place)

    def _get(self, number: str) -> Version:
        found = self._client.get_model_version(self.name, str(number))
        return Version(
            found.name,
            str(found.version),
            found.run_id,
            found.tags,
            tuple(found.aliases),
            found.source,
            found.creation_timestamp // 1000,
        )


def _kept(digest: str) -> str:
    return f"manifests/{digest}.yaml"


_ABSENT = (ErrorCode.Name(RESOURCE_DOES_NOT_EXIST), "INVALID_PARAMETER_VALUE")
