"""MLflow fails for real: its server is killed and started again while runs go on."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import mlflow
import pytest
from test_runs import DATA, RESUME, train

from common import ROOT, prepare_rows, write_params
from local_platform.servers import Platform
from ml.config import Params
from mlflow_server import Server, all_runs, points, until
from mlops.config import schema
from mlops.core.errors import TrackingError
from mlops.tracking import runs, sender, server, sync
from mlops.tracking.journal import Journal, list_journals

pytestmark = pytest.mark.integration
MakeParams = Callable[..., Params]
LONG = {"epochs": 60, "batch_size": 4}  # seconds, so that there is a middle


@pytest.fixture(name="mlflow_server", scope="session")
def _mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    found = Server(tmp_path_factory.mktemp("mlflow"))
    try:
        yield found
    finally:
        found.kill()


@pytest.fixture(name="up")
def _up(mlflow_server: Server, prepared: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server that runs and is used."""
    if mlflow_server.down():
        mlflow_server.start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.uri)
    (prepared / "reports").mkdir()
    return mlflow_server


def start(module: str) -> "subprocess.Popen[str]":
    """Start a stage or a command in the current folder."""
    return subprocess.Popen(
        [sys.executable, "-m", module],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished(process: "subprocess.Popen[str]", code: int = 0) -> str:
    """Wait for its end; return what it printed."""
    text, _ = process.communicate(timeout=300)
    assert process.returncode == code, text[-3000:]
    return text


def new_run(store: Server, known: set[str]) -> Any:
    """Wait for the first point of a run that is not yet known."""
    found: list[Any] = []

    def appeared() -> bool:
        found[:] = [
            run
            for run in store.runs()
            if run.info.run_id not in known and "train_loss" in run.data.metrics
        ]
        return bool(found)

    until(appeared)
    return found[0]


def curve(found: dict[str, list[tuple[int, int, float]]]) -> dict[str, list[tuple[int, float]]]:
    """Return the points without their time, and without what the machine tells of itself."""
    return {
        name: [(step, value) for step, _, value in some]
        for name, some in found.items()
        if not name.startswith("system/")
    }


def written(journal: Journal) -> dict[str, list[tuple[int, int, float]]]:
    """Return every point that a journal holds."""
    found: dict[str, list[tuple[int, int, float]]] = {}
    for _, entry in journal.entries():
        for name, value in entry["values"].items() if entry["kind"] == "metrics" else ():
            found.setdefault(name, []).append((entry["step"], entry["time"], value))
    return {name: sorted(some) for name, some in found.items()}


@pytest.fixture(name="quiet", scope="module")
def _quiet(
    make_params: MakeParams, empty_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """The curves of the same training when nothing fails."""
    folder = tmp_path_factory.mktemp("quiet")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        write_params(make_params(training=LONG))
        prepare_rows(folder, empty_store)
        finished(start("ml.train"))
        uri = server.get_embedded_uri("dev")
        (run,) = all_runs(uri)
        return curve(points(uri, run.info.run_id))


def test_a_server_killed_while_training_costs_not_a_point(
    up: Server, make_params: MakeParams, quiet: Any
) -> None:
    """Training goes on; what the server lacks is brought once it is back, once."""
    write_params(make_params(training=LONG))
    known = {run.info.run_id for run in up.runs()}
    training = start("ml.train")
    run_id = new_run(up, known).info.run_id
    up.kill()
    text = finished(training)
    (journal,) = list_journals("dev")
    told = written(journal)
    assert "make sync ENV=dev" in text
    assert journal.is_unsent(up.uri)

    up.start()
    assert len(points(up.uri, run_id)["train_loss"]) < len(told["train_loss"])
    finished(start("mlops.tracking.sync"))
    finished(start("mlops.tracking.sync"))

    assert points(up.uri, run_id) == told
    assert "system/cpu_utilization_percentage" in told
    assert curve(told) == quiet
    run = mlflow.MlflowClient(up.uri).get_run(run_id)
    assert run.info.status == "FINISHED"
    assert "model.sha256" in run.data.tags
    assert list_journals("dev") == []


@pytest.mark.nightly
def test_a_server_that_comes_back_in_time_gets_all_by_itself(
    up: Server, make_params: MakeParams
) -> None:
    """Nobody needs to do anything."""
    write_params(make_params(training=LONG))
    known = {run.info.run_id for run in up.runs()}
    with runs.training_run(schema.load(), DATA, RESUME) as run:
        run.log_metrics({"train_loss": 1.0}, 1)
        new_run(up, known)
        up.kill()
        for step in range(2, 30):
            run.log_metrics({"train_loss": 1.0 / step}, step)
        up.start()

    assert not run.journal.is_unsent(up.uri)
    assert points(up.uri, run.run_id) == written(run.journal)


def test_a_trainer_killed_while_the_server_is_away_gives_each_point_once(
    up: Server, make_params: MakeParams, quiet: Any
) -> None:
    """Both are killed; the training is resumed, and the run is whole."""
    write_params(make_params(training=LONG, resources={"checkpoint_steps": 50}))
    known = {run.info.run_id for run in up.runs()}
    training = start("ml.train")
    run_id = new_run(up, known).info.run_id
    up.kill()
    until(lambda: list(Path(".checkpoints").glob("*/checkpoint-*/sha256.json")))
    training.send_signal(signal.SIGKILL)
    training.communicate()

    up.start()
    finished(start("ml.train"))
    (journal,) = list_journals("dev")

    assert {run.info.run_id for run in up.runs()} - known == {run_id}
    assert points(up.uri, run_id) == written(journal)
    assert curve(written(journal)) == quiet


def test_a_judgement_without_a_server_waits_for_it(
    up: Server, params: Params, caplog: pytest.LogCaptureFixture
) -> None:
    """Evaluate does not fail after the hours of training."""
    run_id = train(params)
    Path("reports/report.html").write_text("<html>")
    up.kill()

    runs.log_evaluation(params, "m" * 64, {"accuracy": 0.9}, Path("reports"))
    assert "make sync ENV=dev" in caplog.text
    up.start()
    assert sync.send_all("dev").sent == 1

    client = mlflow.MlflowClient(up.uri)
    assert client.get_run(run_id).data.metrics["test.accuracy"] == 0.9
    assert [item.path for item in client.list_artifacts(run_id, "reports")] == [
        "reports/report.html"
    ]


def test_a_sync_that_is_killed_goes_on_where_it_stopped(
    up: Server, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One run, and each point once, however often it is killed."""
    known = {run.info.run_id for run in up.runs()}
    monkeypatch.setenv("MLFLOW_OFFLINE", "1")
    with runs.training_run(params, DATA, RESUME) as run:
        for step in range(20_000):
            run.journal.append("metrics", step=step, values={"train_loss": 1.0 / (step + 1)})
        run.finish(params, "m" * 64)
    monkeypatch.delenv("MLFLOW_OFFLINE")
    journal = run.journal

    def arrived(before: int) -> bool:
        return int(journal.sent(up.uri)["end"]) > before

    for _ in range(3):
        before = journal.sent(up.uri)["end"]
        sync = start("mlops.tracking.sync")
        until(partial(arrived, before))
        sync.send_signal(signal.SIGKILL)
        sync.communicate()
    assert journal.is_unsent(up.uri)
    told = written(journal)
    finished(start("mlops.tracking.sync"))
    (found,) = [one for one in up.runs() if one.info.run_id not in known]

    assert points(up.uri, found.info.run_id) == told
    assert list_journals("dev") == []


def test_a_server_that_is_down_at_the_start_is_told_before_anything_is_done(
    up: Server, params: Params
) -> None:
    """By the first stage of the pipeline and by the training; each in one sentence."""
    Path("conf").symlink_to(ROOT / "conf")
    finished(start("mlops.pipeline.compose"))
    write_params(params)
    up.kill()

    for module in ("mlops.pipeline.compose", "ml.train"):
        text = finished(start(module), code=1)
        assert f"error: cannot use MLflow at {up.uri}" in text
        assert "MLFLOW_OFFLINE=1" in text
        assert "Traceback" not in text
    assert list_journals("dev") == []


@pytest.mark.nightly
@pytest.mark.usefixtures("prepared")
def test_the_platform_keeps_environments_apart_and_takes_each_point_once(
    platform: Platform, make_params: MakeParams, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL, S3 and passwords: killed, brought twice, refused to a stranger."""
    monkeypatch.setattr(sender, "LAST", 1)
    places = {}
    for environment in ("dev", "qa"):
        for name, value in platform.variables(environment).items():
            monkeypatch.setenv(name, value)
        places[environment] = platform.variables(environment)["MLFLOW_TRACKING_URI"]
        params = make_params(environment=environment)
        write_params(params)
        known = {one.info.run_id for one in all_runs(places[environment])}
        with runs.training_run(params, DATA, RESUME) as run:
            run.log_metrics({"train_loss": 1.0}, 1)
            platform.down(f"mlflow-{environment}", how=signal.SIGKILL)
            run.log_metrics({"train_loss": 0.5}, 2)
            run.finish(params, "m" * 64)
        RESUME.unlink()
        platform.up(f"mlflow-{environment}")
        told = written(run.journal)
        run.journal.mark(places[environment], end=0)
        assert sync.send_all(environment).sent == 1

        assert points(places[environment], run.run_id) == told
        found = {one.info.run_id for one in all_runs(places[environment])}
        assert found - known == {run.run_id}

    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "wrong")
    with (
        pytest.raises(TrackingError, match="MLFLOW_TRACKING_PASSWORD"),
        runs.training_run(make_params(environment="qa"), DATA, RESUME),
    ):
        pass
