"""Rules of mlops.tracking.runs, against real SQLite stores."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest

import locks
from common import write_params
from ml.config import Params
from mlflow_server import until
from mlops.core import hashing, paths
from mlops.core.errors import TrackingError
from mlops.tracking import records, runs, server

MakeParams = Callable[..., Params]
DATA = {"train": "a" * 64, "val": "b" * 64}
RESUME = Path("checkpoints/run")


def stored(params: Params) -> list[Any]:
    """Return all runs of the environment's store, the newest first."""
    client = mlflow.MlflowClient(server.get_uri(params.environment))
    return list(client.search_runs([one.experiment_id for one in client.search_experiments()]))


def train(params: Params, digest: str = "m" * 64) -> str:
    """Record a training of three steps; return the run's id."""
    with runs.training_run(params, DATA, RESUME) as run:
        for step in (1, 2, 3):
            run.log_metrics({"train_loss": 1.0 / step}, step)
        run.finish(params, digest)
    RESUME.unlink()
    return run.run_id


@pytest.mark.usefixtures("prepared")
def test_a_training_is_one_run_with_parameters_metrics_data_and_tags(params: Params) -> None:
    """Parameters are flat and named by section; nothing collides with the Trainer's own names."""
    train(params)
    (run,) = stored(params)

    assert run.info.status == "FINISHED"
    assert run.data.params["training.learning_rate"] == "0.001"
    assert run.data.tags["environment"] == "dev"
    assert {entry.dataset.digest for entry in run.inputs.dataset_inputs} == {"a" * 32, "b" * 32}


@pytest.mark.usefixtures("prepared")
def test_a_run_carries_the_composed_configuration(params: Params) -> None:
    """params.yaml is an artifact."""
    run_id = train(params)

    assert [item.path for item in mlflow.MlflowClient().list_artifacts(run_id)] == ["params.yaml"]


@pytest.mark.usefixtures("prepared")
def test_a_run_tells_packages_machine_person_and_time(params: Params) -> None:
    """All that the contract of lineage names, but for what needs Git and DVC."""
    tags = mlflow.get_run(train(params)).data.tags

    assert {"who", "packages.python", "hardware.cpu", "hardware.gpu", "environment"} <= set(tags)
    assert float(tags["duration_s"]) >= 0
    assert not [value for value in tags.values() if str(Path.cwd()) in value]
    assert "restored" not in tags


@pytest.mark.usefixtures("prepared")
def test_the_time_of_an_earlier_attempt_counts(params: Params) -> None:
    """A training that went on took both."""
    with pytest.raises(ZeroDivisionError), runs.training_run(params, DATA, RESUME) as first:
        raise ZeroDivisionError
    first.tag({"duration_s": "100.0"})
    with runs.training_run(params, DATA, RESUME):
        pass

    assert float(mlflow.get_run(first.run_id).data.tags["duration_s"]) >= 100.0


@pytest.mark.usefixtures("prepared")
def test_the_whole_lock_joins_the_run_at_the_end(params: Params) -> None:
    """With the hashes as tags; while a stage runs only what stands before it is known."""
    (Path("models") / "model").mkdir(parents=True)
    known = hashing.dvc(Path("models/model"))
    run_id = train(params)
    Path("dvc.lock").write_text(locks.text(models_model=known))

    runs.log_state(params, "m" * 64)
    client = mlflow.MlflowClient()
    carried = Path(client.download_artifacts(run_id, "dvc.lock")).read_text()
    record = records.read("m" * 64) or {}

    assert carried == Path("dvc.lock").read_text()
    assert client.get_run(run_id).data.tags["model.md5"] == known
    assert record["lock"] == hashing.digest(Path("dvc.lock"))


@pytest.mark.usefixtures("prepared")
def test_metrics_can_be_read_while_the_training_runs(params: Params) -> None:
    """What was logged is on its way to the store at once."""
    with runs.training_run(params, DATA, RESUME) as run:
        run.log_metrics({"train_loss": 0.5}, 1)

        until(lambda: mlflow.get_run(run.run_id).data.metrics.get("train_loss") == 0.5)


@pytest.mark.usefixtures("prepared")
def test_a_killed_training_goes_on_in_its_run(params: Params) -> None:
    """One run for one training; a step that it has already is not logged again."""
    with runs.training_run(params, DATA, RESUME) as first:
        first.log_metrics({"train_loss": 0.5}, 1)
        first.log_metrics({"train_loss": 0.4}, 2)
    with runs.training_run(params, DATA, RESUME) as second:
        second.log_metrics({"train_loss": 0.4}, 2)
        second.log_metrics({"train_loss": 0.3}, 3)

    history = mlflow.MlflowClient().get_metric_history(first.run_id, "train_loss")

    assert second.run_id == first.run_id
    assert [point.step for point in history] == [1, 2, 3]


@pytest.mark.usefixtures("prepared")
def test_a_failed_training_is_told_in_its_run(params: Params) -> None:
    """The run of a training that raises is FAILED."""
    with pytest.raises(ZeroDivisionError), runs.training_run(params, DATA, RESUME):
        raise ZeroDivisionError

    assert stored(params)[0].info.status == "FAILED"


@pytest.mark.usefixtures("prepared")
def test_a_store_that_fails_while_training_costs_no_training(
    params: Params, caplog: pytest.LogCaptureFixture
) -> None:
    """It goes on; one line tells that the rest is kept here."""
    with runs.training_run(params, DATA, RESUME) as run:
        mlflow.delete_run(run.run_id)
        run.log_metrics({"train_loss": 0.5}, 1)

    assert "kept here" in caplog.text
    assert run.journal.last_steps()["train_loss"] == 1


@pytest.mark.usefixtures("prepared")
def test_the_judgement_joins_the_run_of_its_model(params: Params, tmp_path: Path) -> None:
    """Evaluate finds the run by the model's content."""
    run_id = train(params)
    report = tmp_path / "reports"
    report.mkdir()
    (report / "report.html").write_text("<html>")

    runs.log_evaluation(params, "m" * 64, {"accuracy": 0.9, "slices": {"<= 8": 0.5}}, report)
    metrics = mlflow.get_run(run_id).data.metrics

    assert metrics["test.accuracy"] == 0.9
    assert metrics["test.slices.__ 8"] == 0.5
    assert records.read("m" * 64)["evaluated"] is True  # type: ignore[index]


@pytest.mark.usefixtures("prepared")
def test_environments_do_not_see_each_others_runs(make_params: MakeParams, tmp_path: Path) -> None:
    """A model of dev that qa restores from the cache gets a run of its own in qa."""
    dev, qa = make_params(), make_params(environment="qa")
    run_id = train(dev)
    (tmp_path / "reports").mkdir()
    write_params(qa)

    runs.log_evaluation(qa, "m" * 64, {"accuracy": 0.9}, tmp_path / "reports")

    assert [run.info.run_id for run in stored(dev)] == [run_id]
    (there,) = stored(qa)
    assert there.data.tags["restored"] == "yes"
    assert "duration_s" not in there.data.tags


def test_the_usual_variable_moves_tracking_to_a_server(
    params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLFLOW_TRACKING_URI beats the environment's own store."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example:5000")

    assert server.get_uri(params.environment) == "http://mlflow.example:5000"


@pytest.mark.usefixtures("prepared")
def test_an_unreachable_store_is_told_without_its_password(
    params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training does not start, and the message gives no secret away."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:hunter2@127.0.0.1:9")

    with pytest.raises(TrackingError, match=r"127\.0\.0\.1:9.*MLFLOW_OFFLINE=1") as told:
        train(params)
    assert "hunter2" not in str(told.value)


@pytest.mark.usefixtures("prepared")
def test_nothing_is_sent_home() -> None:
    """MLflow's telemetry is off before MLflow is imported."""
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


@pytest.mark.usefixtures("prepared")
def test_an_old_record_of_a_deleted_run_starts_a_new_one(params: Params) -> None:
    """A resume file of another store does not stop the training."""
    RESUME.parent.mkdir()
    RESUME.write_text("0" * 32)

    train(params)

    assert len(stored(params)) == 1
    assert paths.run_record("m" * 64).exists()
