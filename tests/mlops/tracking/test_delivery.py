"""Rules of mlops.tracking.delivery, against a real SQLite store."""

import shutil
from pathlib import Path
from typing import Any

import mlflow
import pytest

from mlflow_server import all_runs, points
from mlops.core.errors import TrackingError
from mlops.tracking import delivery, server, store
from mlops.tracking.journal import Journal


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
    journal.set_target(uri, False)
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

    assert store.is_final(error.value)
    assert not store.is_final(ConnectionError())


def test_what_the_store_refuses_leaves_the_rest_whole(
    journal: Journal, uri: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is named in a warning and in the run's tag; a later try does not meet it again."""
    journal.append(
        "metrics", step=0, values={"good": 0.5, "text": "high", "none": None, "big": 10**400}
    )
    journal.append("tags", values={"section.tag": "yes", "k" * 300: "long"})
    run_id = delivery.deliver(journal, uri)
    run = mlflow.MlflowClient(uri).get_run(run_id)

    assert run.data.metrics["good"] == 0.5
    assert run.data.tags["section.tag"] == "yes"
    assert run.data.tags["refused"].startswith("3: text: not a number; none: not a number; big")
    assert "refuses 3 values" in caplog.text
    assert not journal.is_unsent(uri)


def test_one_refused_value_of_a_batch_costs_no_other(journal: Journal, uri: str) -> None:
    """MLflow refuses a batch as a whole: here a parameter that was changed."""
    run_id = delivery.deliver(journal, uri)
    journal.append(
        "params", values={"section.7": "other"} | {f"new.{n}": str(n) for n in range(40)}
    )
    delivery.deliver(journal, uri)
    run = mlflow.MlflowClient(uri).get_run(run_id)

    assert len([name for name in run.data.params if name.startswith("new.")]) == 40
    assert run.data.params["section.7"] == "7"
    assert run.data.tags["refused"].startswith("1: section.7: ")


def test_files_that_a_journal_has_lost_are_told(journal: Journal, uri: str) -> None:
    """The rest of the run arrives."""
    shutil.rmtree(journal.folder / "files")
    run = mlflow.MlflowClient(uri).get_run(delivery.deliver(journal, uri))

    assert run.data.tags["refused"] == "1: files: the journal has lost them"
    assert run.info.status == "FINISHED"


def test_names_that_an_earlier_release_recorded_arrive(journal: Journal, uri: str) -> None:
    """MLflow refused them, and the journal waited for ever."""
    journal.append("metrics", step=0, values={"test.per_class.a//b.recall": 0.5, "": 1.0})
    metrics = mlflow.MlflowClient(uri).get_run(delivery.deliver(journal, uri)).data.metrics

    assert metrics["test.per_class.a__b.recall"] == 0.5
    assert metrics["_"] == 1.0


def test_more_figures_than_mlflow_takes_at_once_arrive(journal: Journal, uri: str) -> None:
    """A judgement of 400 labels is one entry."""
    journal.append("metrics", step=0, values={f"label.{n}": float(n) for n in range(1700)})
    journal.append("params", values={f"many.{n}": "x" * 7000 for n in range(600)})
    run = mlflow.MlflowClient(uri).get_run(delivery.deliver(journal, uri))

    assert len([name for name in run.data.metrics if name.startswith("label.")]) == 1700
    assert len(run.data.params) == 730
    assert run.data.params["many.599"].endswith("... (7000 characters, cut)")
    assert "refused" not in run.data.tags


def test_a_damaged_line_is_told_and_the_rest_arrives(journal: Journal, uri: str) -> None:
    """A power cut leaves zeros in the middle, a hand leaves anything."""
    lines = journal.path.read_bytes().splitlines(keepends=True)
    lines[2:3] = [b"\0" * 40 + b"\n", b"[1]\n", b'{"kind": "metrics", "time": 1}\n', b"\xff\n"]
    journal.path.write_bytes(b"".join(lines))
    run = mlflow.MlflowClient(uri).get_run(delivery.deliver(journal, uri))

    assert run.data.tags["refused"].startswith("4: journal: a line of it is damaged")
    assert run.info.status == "FINISHED"
    assert len(run.data.params) == 130


def test_a_run_of_a_database_that_was_moved_away_is_made_again(
    journal: Journal, uri: str, empty_store: Path
) -> None:
    """The journal has all of it."""
    first, new = delivery.deliver(journal, uri), uri.replace("store.db", "new.db")
    journal.append("tags", values={"later": "yes"})
    shutil.copy(empty_store, new.removeprefix("sqlite:///"))
    journal.mark(new, **journal.sent(uri))
    second = delivery.deliver(journal, new)
    data = mlflow.MlflowClient(new).get_run(second).data

    assert first != second
    assert data.tags["later"] == "yes"
    assert len(data.params) == 130


def test_a_damaged_state_sends_all_of_it_again(journal: Journal) -> None:
    """The run is found by the journal's name, and gets nothing twice."""
    own = server.get_embedded_uri("dev")
    journal.set_target(server.redact(own), False)
    first = delivery.deliver(journal, own)
    (journal.folder / "state.json").write_bytes(b"")

    assert journal.store == "sqlite:///.mlflow/dev/mlflow.db"
    assert delivery.deliver(journal, own) == first
    assert len(all_runs(own)) == 1


def test_a_journal_without_its_first_line_is_final(journal: Journal, uri: str) -> None:
    """No run can be made of it, and no other journal waits for that."""
    lines = journal.path.read_bytes().splitlines(keepends=True)
    journal.path.write_bytes(b"".join([b"garbage\n", *lines[1:]]))

    with pytest.raises(TrackingError, match=r"journal\.jsonl is damaged") as error:
        delivery.deliver(journal, uri)
    assert store.is_final(error.value)
