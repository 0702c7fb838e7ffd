"""Rules of mlops.tracking.database, against real MLflow stores."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import mlflow
import pytest
from test_runs import RESUME, stored, train

from ml.config import Params
from mlops.core.errors import TrackingError
from mlops.tracking import database, runs, server, store, sync

Change = Callable[[Path], object]
DAMAGE: dict[str, Change] = {
    "garbled": lambda path: path.write_bytes(os.urandom(100_000)),
    "half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "the last page": lambda path: os.truncate(path, path.stat().st_size - 4096),
    "the head": lambda path: os.truncate(path, 50),
    "a page": lambda path: patch(path, 8192, b"\xa5" * 8192),
    "text": lambda path: path.write_text("hello"),
    "empty": lambda path: path.write_bytes(b""),
}


def patch(path: Path, at: int, content: bytes) -> None:
    """Overwrite a part of a file."""
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_database_is_told_and_moving_it_away_helps(
    prepared: Path, params: Params, empty_store: Path, what: str
) -> None:
    """Before anything is done; the same command then goes on with a new one."""
    path = prepared / ".mlflow" / "dev" / "mlflow.db"
    (path.parent / "artifacts" / "1").mkdir(parents=True)
    DAMAGE[what](path)

    with pytest.raises(TrackingError, match=r"mlflow\.db is damaged \(.+\).*mv \.mlflow/dev"):
        store.open_store(params)
    path.rename(path.with_suffix(".damaged"))
    shutil.copy(empty_store, path)  # as MLflow would make it, in seconds
    assert store.open_store(params)


@pytest.mark.usefixtures("prepared")
def test_a_newer_database_is_told(prepared: Path, params: Params) -> None:
    """A colleague has a newer MLflow: the sentence names what to do."""
    with closing(sqlite3.connect(prepared / ".mlflow/dev/mlflow.db")) as found, found:
        found.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    with pytest.raises(TrackingError, match=r"written by a newer MLflow .*make install"):
        store.open_store(params)


def test_an_older_database_is_told(prepared: Path, params: Params) -> None:
    """With the command that brings it up to date."""
    with closing(sqlite3.connect(prepared / ".mlflow/dev/mlflow.db")) as found, found:
        found.execute("UPDATE alembic_version SET version_num = 'acf3f17fdcc7'")
    with pytest.raises(TrackingError, match=r"older MLflow.*mlflow db upgrade sqlite:///\.mlflow"):
        store.open_store(params)


@pytest.mark.parametrize("how", ["copied", "moved"])
def test_a_project_writes_its_artifacts_into_its_own_folder(
    prepared: Path, params: Params, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture, how: str,
) -> None:  # fmt: skip
    """MLflow's database holds whole paths: of a copied one they led into the other project."""
    first = train(params)
    there = prepared.parent / f"{prepared.name} moved"
    if how == "copied":
        shutil.copytree(prepared, there)
    else:
        prepared.rename(there)
    monkeypatch.chdir(there)
    second = train(params, "n" * 64)
    client = mlflow.MlflowClient(server.get_embedded_uri("dev"))

    assert "copied or moved" in caplog.text
    for run_id in (first, second):
        assert client.get_run(run_id).info.artifact_uri.startswith(there.as_uri())
        assert [item.path for item in client.list_artifacts(run_id)] == ["params.yaml"]
    if how == "copied":
        assert not list(prepared.glob(f".mlflow/dev/artifacts/{second}"))
    caplog.clear()
    store.open_store(params)
    assert caplog.text == ""


def test_artifacts_that_only_the_other_project_has_stay_there(
    prepared: Path, params: Params, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """An earlier release had written them there: they are found, and it is told."""
    first = train(params)
    there = prepared.parent / f"{prepared.name} copy"
    shutil.copytree(prepared, there, ignore=shutil.ignore_patterns("artifacts"))
    monkeypatch.chdir(there)
    store.open_store(params)
    client = mlflow.MlflowClient(server.get_embedded_uri("dev"))

    assert [item.path for item in client.list_artifacts(first)] == ["params.yaml"]
    assert "1 runs or versions are only there" in caplog.text


def test_a_copied_project_sends_its_journals_to_its_own_store(
    prepared: Path, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """State and records name the store without the folder; those of an earlier release had it."""
    with pytest.raises(ZeroDivisionError), runs.training_run(params, {}, RESUME) as run:
        raise ZeroDivisionError
    state = run.journal.folder / "state.json"
    whole = f"sqlite:///{prepared}/.mlflow"
    state.write_text(state.read_text().replace("sqlite:///.mlflow", whole))
    run.journal.append("tags", values={"late": "yes"})
    there = prepared.parent / f"{prepared.name} copy"
    shutil.copytree(prepared, there)
    monkeypatch.chdir(there)

    assert sync.send_all("dev").sent == 1
    assert stored(params)[0].data.tags["late"] == "yes"
    assert server.redact(server.get_embedded_uri("dev")) == "sqlite:///.mlflow/dev/mlflow.db"


def test_a_store_elsewhere_is_left_as_it_is(
    prepared: Path, empty_store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Only the project's own one is led to its own folder."""
    shutil.copy(empty_store, prepared / "elsewhere.db")
    before = (prepared / "elsewhere.db").read_bytes()
    database.prepare(f"sqlite:///{prepared / 'elsewhere.db'}")
    database.prepare("http://127.0.0.1:9")
    database.prepare(f"sqlite:///{prepared / 'missing.db'}")

    assert (prepared / "elsewhere.db").read_bytes() == before
    assert caplog.text == ""
