"""Rules of ml.journaling.delivery, against a real SQLite store."""

import shutil
from pathlib import Path
from typing import Any

import mlflow
import pytest

from ml.journaling import delivery
from ml.journaling.journal import Journal
from mlflow_server import all_runs, points


@pytest.fixture(name="uri")
def _uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_store: Path) -> str:
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_store, tmp_path / "store.db")
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture(name="journal")
def _journal(uri: str) -> Journal:
    """A run with all kinds of entries."""
    journal = Journal("dev")
    journal.folder.mkdir(parents=True)
    journal.aim(uri, False)
    head: dict[str, Any] = {
        "name": "tiny",
        "experiment": "films",
        "artifact_location": None,
        "tags": {},
    }
    journal.append("run", **head)
    journal.append("params", values={f"section.{n}": str(n) for n in range(130)})
    journal.append("tags", values={f"tag.{n}": str(n) for n in range(130)})
    journal.append("dataset", name="train", digest="a" * 32, source="data/train.parquet")
    for step in range(3):
        journal.append("metrics", step=step, values={"loss": 1 / (step + 1), "nan": float("nan")})
    journal.attach({"params.yaml": b"a: 1"})
    journal.append("status", value="FINISHED")
    return journal


def test_a_store_gets_all_that_a_run_tells(journal: Journal, uri: str) -> None:
    """Parameters, tags, points with step and time, data sets, files, and how it ended."""
    run_id = delivery.deliver(journal, uri)
    run = mlflow.MlflowClient(uri).get_run(run_id)
    written = [entry for _, entry in journal.entries() if entry["kind"] == "metrics"]

    assert (run.info.status, run.info.run_name) == ("FINISHED", "tiny")
    assert run.info.start_time == journal.head()["time"]
    assert len(run.data.params) == 130
    assert run.data.tags["tag.129"] == "129"
    assert points(uri, run_id)["loss"] == [
        (entry["step"], entry["time"], entry["values"]["loss"]) for entry in written
    ]
    assert [entry.dataset.name for entry in run.inputs.dataset_inputs] == ["train"]
    assert (Path.cwd() / ".mlflow/dev/artifacts" / run_id / "artifacts/params.yaml").exists()


def test_what_is_sent_again_changes_nothing(journal: Journal, uri: str) -> None:
    """A kill after the store has taken it, and before that was noted."""

    def seen() -> tuple[object, ...]:
        run = mlflow.MlflowClient(uri).get_run(delivery.deliver(journal, uri))
        data = run.data
        return points(uri, run.info.run_id)["loss"], data.params, data.tags, run.info.end_time

    before = seen()
    journal.mark(uri, end=0)

    assert seen() == before
    (run,) = all_runs(uri)
    assert len(run.inputs.dataset_inputs) == 1
    history = mlflow.MlflowClient(uri).get_metric_history(run.info.run_id, "nan")
    assert [point.step for point in history] == [0, 1, 2]


def test_a_run_is_made_once(journal: Journal, uri: str) -> None:
    """A kill after it was made, and before its id was noted: it is found by the journal's name."""
    run_id = delivery.deliver(journal, uri)
    journal.mark(uri, run_id=None, end=0)

    assert delivery.deliver(journal, uri) == run_id
    assert len(all_runs(uri)) == 1


def test_only_what_is_missing_is_sent(journal: Journal, uri: str) -> None:
    """A tag that was changed in MLflow's page since then stays."""
    run_id = delivery.deliver(journal, uri)
    client = mlflow.MlflowClient(uri)
    client.set_tag(run_id, "tag.1", "by hand")

    journal.append("tags", values={"later": "yes"})
    delivery.deliver(journal, uri)

    assert client.get_run(run_id).data.tags["tag.1"] == "by hand"
    assert client.get_run(run_id).data.tags["later"] == "yes"


def test_more_points_than_mlflow_takes_at_once_arrive(journal: Journal, uri: str) -> None:
    """They are sent in parts, in order."""
    for step in range(1300):
        journal.append("metrics", step=step, values={"many": float(step), "more": 0.0})
    run_id = delivery.deliver(journal, uri)

    assert [step for step, _, _ in points(uri, run_id)["many"]] == list(range(1300))


def test_a_deleted_run_is_final(journal: Journal, uri: str) -> None:
    """Trying again is of no use; a server that is away is another matter."""
    mlflow.MlflowClient(uri).delete_run(delivery.deliver(journal, uri))
    journal.append("tags", values={"later": "yes"})

    with pytest.raises(mlflow.exceptions.MlflowException) as error:
        delivery.deliver(journal, uri)

    assert delivery.final(error.value)
    assert not delivery.final(ConnectionError())
