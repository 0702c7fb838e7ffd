"""The MLflow store of an environment: open it, and say plainly why it cannot be used.

Reads: MLFLOW_TRACKING_URI, MLFLOW_OFFLINE, else the environment's SQLite store under .mlflow/
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from mlops.config.schema import Params
from mlops.core import paths
from mlops.core.errors import TrackingError
from mlops.tracking import database, description, server

# Errors that another try does not cure.
GONE = "RESOURCE_DOES_NOT_EXIST"
FINAL = {GONE, "INVALID_PARAMETER_VALUE", "INVALID_STATE", "BAD_REQUEST"}


def open_store(params: Params) -> str:
    """Point MLflow to the environment's store; return the id of the experiment there."""
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.WARNING)
    uri, named = server.get_uri(params.environment), os.environ.get("MLFLOW_TRACKING_URI")
    database.prepare(uri)
    mlflow.set_tracking_uri(uri)
    # MLflow sets the variable, which would send the next environment into this one's store.
    if named is None:
        os.environ.pop("MLFLOW_TRACKING_URI", None)
    else:
        os.environ["MLFLOW_TRACKING_URI"] = named
    place = artifact_location(params.environment, uri, params.mlflow.artifact_location)
    return create_experiment(MlflowClient(), description.name_experiment(params), place)


def create_experiment(client: MlflowClient, name: str, location: str | None) -> str:
    """Return the id of an experiment; create it if it is missing."""
    found = client.get_experiment_by_name(name)
    made = None if found else client.create_experiment(name, location, description.TAGS)
    return str(found.experiment_id if found else made)


def artifact_location(environment: str, uri: str, named: str | None) -> str | None:
    """Return where the artifacts of an experiment go; None leaves it to the server."""
    if not uri.startswith("sqlite:"):
        return named
    folder = paths.mlflow_store(environment)
    folder.mkdir(parents=True, exist_ok=True)
    return named or (folder / "artifacts").as_uri()


def is_deleted(uri: str, run_id: str) -> bool:
    """Return whether a run was certainly deleted, or its store is gone."""
    try:
        found = MlflowClient(uri).get_run(run_id)
    except MlflowException as error:
        return is_final(error)
    return bool(found.info.lifecycle_stage == "deleted")


def is_final(error: Exception) -> bool:
    """Return whether trying again is of no use."""
    if isinstance(error, MlflowException):
        return error.error_code in FINAL
    return isinstance(error, TrackingError)


@contextmanager
def known_errors(
    params: Params, kinds: tuple[type[Exception], ...] = (MlflowException, OSError)
) -> Iterator[None]:
    """Raise what the store refuses as a TrackingError."""
    try:
        yield
    except kinds as error:
        raise unusable(params, error) from None


def unusable(params: Params, error: Exception) -> TrackingError:
    """Return the error for a store that cannot be used."""
    return TrackingError(
        server.redact(
            f"cannot use the MLflow store {server.get_uri(params.environment)}: "
            f"{server.first_line(error)}; check MLFLOW_TRACKING_URI and that the server "
            "runs, or set MLFLOW_OFFLINE=1 to record here until then"
        )
    )
