"""Rules of mlops.tracking.sync, `make sync`; a second SQLite store plays the server."""

import shutil
from pathlib import Path

import mlflow
import pytest
from test_runs import train

from ml.config import Params
from mlflow_server import all_runs, points
from mlops.core.errors import TrackingError
from mlops.tracking import records, runs, server, sync
from mlops.tracking.journal import list_journals

MODEL = "m" * 64
METRICS = {"accuracy": 0.9}


@pytest.fixture(name="remote")
def _remote(prepared: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store that MLFLOW_TRACKING_URI names; runs are recorded here."""
    shutil.copy(empty_store, prepared / "remote.db")
    uri = f"sqlite:///{prepared / 'remote.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_OFFLINE", "1")
    (prepared / "reports").mkdir()
    return uri


def test_an_offline_run_is_here_until_it_is_brought(params: Params, remote: str) -> None:
    """Nothing of it is at the server before."""
    train(params)

    assert all_runs(remote) == []
    assert len(all_runs(server.get_embedded_uri("dev"))) == 1
    assert sync.count_unsent("dev") == 1


def test_an_offline_run_is_brought_as_it_is(params: Params, remote: str) -> None:
    """Every point of every metric with its step and time, and the judgement."""
    here = train(params)
    runs.log_evaluation(params, MODEL, METRICS, Path("reports"))

    sync.send_all("dev")
    (run,) = all_runs(remote)
    own = mlflow.MlflowClient(server.get_embedded_uri("dev")).get_run(here)

    assert points(remote, run.info.run_id) == points(server.get_embedded_uri("dev"), here)
    assert run.data.params == own.data.params
    assert run.data.tags == own.data.tags
    assert run.info.status == "FINISHED"
    assert run.inputs.dataset_inputs != []


def test_bringing_twice_is_bringing_once(params: Params, remote: str) -> None:
    """Nothing is left here to bring."""
    train(params)

    assert [sync.send_all("dev").sent for _ in range(2)] == [1, 0]
    assert len(all_runs(remote)) == 1
    assert list_journals("dev") == []


@pytest.mark.usefixtures("remote")
def test_a_model_is_found_at_the_server_once_its_run_is_there(
    params: Params, remote: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is told of it later joins that run."""
    train(params)
    sync.send_all("dev")
    monkeypatch.delenv("MLFLOW_OFFLINE")

    runs.log_evaluation(params, MODEL, METRICS, Path("reports"))
    (run,) = all_runs(remote)

    assert run.data.metrics["test.accuracy"] == 0.9
    assert records.read(MODEL)["run_id"] == run.info.run_id  # type: ignore[index]


def test_a_run_that_was_not_meant_for_a_server_stays_here(
    params: Params, remote: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who trains without a server does not find it there later."""
    monkeypatch.delenv("MLFLOW_OFFLINE")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    train(params)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", remote)

    assert sync.send_all("dev").sent == 0
    assert all_runs(remote) == []


def test_another_environments_runs_are_not_brought(params: Params, remote: str) -> None:
    """`make sync ENV=qa` leaves dev's runs alone."""
    train(params)
    sync.send_all("qa")

    assert all_runs(remote) == []


@pytest.mark.usefixtures("remote")
def test_a_run_that_is_being_recorded_is_left_alone(params: Params) -> None:
    """Its own process sends it."""
    with runs.training_run(params, {}, Path("resume")):
        assert sync.send_all("dev").busy == 1


def test_without_a_server_the_runs_wait(
    params: Params, remote: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said that they do."""
    assert remote
    train(params)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")

    assert sync.send_all("dev").waiting == {"": 1}


@pytest.mark.usefixtures("remote")
def test_a_server_that_is_down_is_told_at_once(
    params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost by it."""
    train(params)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")

    with pytest.raises(TrackingError, match=r"127\.0\.0\.1:9"):
        sync.send_all("dev")
    assert sync.count_unsent("dev") == 1


@pytest.mark.usefixtures("prepared")
def test_runs_without_a_server_to_go_to_are_an_error(
    params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence names the variable."""
    monkeypatch.setenv("MLFLOW_OFFLINE", "1")
    train(params)

    with pytest.raises(TrackingError, match="MLFLOW_TRACKING_URI"):
        sync.main()


@pytest.mark.usefixtures("project")
def test_nothing_to_send_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    """A machine without runs."""
    sync.main()

    assert capsys.readouterr().out == "0 runs of dev sent to MLflow\n"


@pytest.mark.usefixtures("project")
def test_the_environment_is_the_usual_variables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make sync ENV=qa`."""
    monkeypatch.setenv("ENV", "qa")
    sync.main()

    assert "of qa" in capsys.readouterr().out
    assert not (tmp_path / ".runs").exists()
