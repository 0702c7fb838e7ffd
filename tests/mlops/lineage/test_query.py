"""Rules of mlops.lineage.query, against real SQLite stores."""

from pathlib import Path

import mlflow
import pytest

from ml.config import Params
from mlops.core.errors import TrackingError
from mlops.lineage.query import Store, stores
from mlops.tracking import runs

DIGEST = "a" * 64


@pytest.fixture(name="run_id")
def _run_id(prepared: Path, params: Params) -> str:
    """A run of dev that made a model."""
    with runs.training_run(params, {}, prepared / "resume") as run:
        run.finish(params, DIGEST)
    (prepared / "resume").unlink()
    return run.run_id


def test_a_run_is_found_by_its_id_and_by_its_model(run_id: str) -> None:
    """The store of the environment comes first; the others have no such run."""
    first, second = stores("dev")
    found = first.run(run_id)

    assert found
    assert [one.run_id for one in first.made(DIGEST)] == [run_id]
    assert (second.run(run_id), second.made(DIGEST)) == (None, [])
    assert str(first) == "sqlite:///.mlflow/dev/mlflow.db"


def test_an_artifact_is_read_or_missing(run_id: str) -> None:
    """At the root and in a folder."""
    store = stores("dev")[0]
    run = store.run(run_id)
    assert run
    mlflow.MlflowClient().log_text(run_id, "1", "reports/metrics.json")

    assert b"environment: dev" in (store.artifact(run, "params.yaml") or b"")
    assert store.artifact(run, "reports/metrics.json") == b"1"
    assert store.artifact(run, "code.diff") is None


def test_a_deleted_run_is_called_so(run_id: str) -> None:
    """It is found by its id, until the store is swept, and no more by its model."""
    mlflow.MlflowClient().delete_run(run_id)
    store = stores("dev")[0]
    found = store.run(run_id)

    assert found
    assert found.status == "FINISHED, DELETED"
    assert store.made(DIGEST) == []


def test_a_version_is_found_by_number_and_alias(run_id: str) -> None:
    """With its run, tags and aliases; what is not there is None."""
    client = mlflow.MlflowClient()
    client.create_registered_model("clf")
    client.create_model_version("clf", f"runs:/{run_id}/x", run_id, tags={"bento": "b"})
    client.set_registered_model_alias("clf", "champion", "1")
    store = stores("dev")[0]
    by_alias = store.version("clf", "champion")

    assert by_alias == store.version("clf", "1")
    assert by_alias
    assert (by_alias.run_id, by_alias.tags["bento"], by_alias.aliases) == (
        run_id, "b", ("champion",),
    )  # fmt: skip
    for name, which in (("clf", "2"), ("clf", "none"), ("nothing", "1"), ("nothing", "x")):
        assert store.version(name, which) is None


def test_asking_makes_no_store(project: Path) -> None:
    """A machine without one has none afterwards."""
    assert stores("dev") == []
    assert not (project / ".mlflow").exists()


def test_the_usual_variable_names_the_one_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """And its password is not told."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:hunter2@127.0.0.1:9")
    (store,) = stores("dev")

    assert str(store) == "http://127.0.0.1:9"


def test_a_server_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one sentence."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

    with pytest.raises(
        TrackingError, match=r"cannot read the MLflow store http://127\.0\.0\.1:9: "
    ):
        Store("http://127.0.0.1:9").run("abc")
