"""Rules of mlops.lineage.trace, against real SQLite stores."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import mlflow
import pytest

from common import write_params
from ml.config import Params
from mlops.core import hashing
from mlops.core.errors import KnownError, ServingError
from mlops.lineage import trace
from mlops.release import package
from mlops.tracking import runs

MakeRun = Callable[..., str]
DIGEST = "a" * 64


@pytest.fixture(name="make_run")
def _make_run(prepared: Path, make_params: Callable[..., Params]) -> MakeRun:
    """Return a function that records a training of a model."""

    def make(digest: str = DIGEST, environment: str = "dev", **tags: str) -> str:
        params = make_params(environment=environment)
        write_params(params)
        with runs.training_run(params, {}, prepared / "resume") as run:
            run.finish(params, digest)
            run.tag({name.replace("_", "."): value for name, value in tags.items()})
        (prepared / "resume").unlink()
        return run.run_id

    return make


@pytest.fixture(autouse=True)
def _nothing_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in trace.WAYS:
        monkeypatch.delenv(name, raising=False)


def test_a_run_is_found_and_others_of_its_bytes_behind_it(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one asked for comes first, whichever is newer, in whichever environment."""
    asked, other, elsewhere = make_run(), make_run(), make_run(environment="qa")
    make_run("b" * 64)
    monkeypatch.setenv("RUN", asked)

    found = [run.run_id for _, run in trace.find().runs]

    assert found[0] == asked
    assert set(found) == {asked, other, elsewhere}


@pytest.mark.parametrize(
    ("way", "value"),
    [("RUN", "nothing"), ("VERSION", "clf/7"), ("VERSION", "clf"), ("BENTO", "classifier:none"),
     ("URL", "http://127.0.0.1:9")],
)  # fmt: skip
def test_what_is_not_there_is_told(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str, value: str
) -> None:
    """With the variable and what it should be."""
    make_run()
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "bentoml"))
    monkeypatch.setenv(way, value)

    with pytest.raises(KnownError, match="no service at" if way == "URL" else f"{way}: "):
        trace.find()


def test_one_question_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two variables are a mistake."""
    monkeypatch.setenv("RUN", "a")
    monkeypatch.setenv("BENTO", "b")

    with pytest.raises(KnownError, match="found RUN and BENTO"):
        trace.find()


def test_a_version_leads_to_its_run(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not to a newer one with the same bytes."""
    run_id, newer = make_run(), make_run()
    client = mlflow.MlflowClient()
    client.create_registered_model("clf")
    client.create_model_version("clf", f"runs:/{run_id}/x", run_id)
    monkeypatch.setenv("VERSION", "clf/1")
    found = trace.find()

    assert [run.run_id for _, run in found.runs] == [run_id, newer]
    assert found.asked.startswith("clf version 1")


def test_a_version_of_no_run_is_found_by_its_model(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tag names the model's hash."""
    run_id = make_run()
    client = mlflow.MlflowClient()
    client.create_registered_model("clf")
    client.create_model_version("clf", "somewhere", tags={"model.sha256": DIGEST})
    monkeypatch.setenv("VERSION", "clf/1")

    assert [run.run_id for _, run in trace.find().runs] == [run_id]


def info(**values: Any) -> dict[str, Any]:
    """Return what a package tells of itself."""
    return {"name": "m", "version": "v1", "model_sha256": DIGEST, "commit": "c0ffee",
            "changed": False, "environment": "dev", "package": "p", "data_sha256": None,
            **values}  # fmt: skip


def test_a_bento_leads_to_the_run_of_its_commit(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Then to those that trained its bytes elsewhere, then to those that only restored them."""
    right = make_run(git_commit="c0ffee")
    restored = make_run(git_commit="beef", restored="yes")
    other = make_run(git_commit="beef")
    folder = tmp_path / "bento"
    folder.mkdir()
    (folder / "cpu.onnx").write_text("1")
    exported = hashing.dvc(folder)
    (folder / "serving.json").write_text(json.dumps({"info": info()}))
    monkeypatch.setattr(package, "inside", lambda tag: (f"{tag}:1", info(), folder))
    monkeypatch.setenv("BENTO", "classifier")
    found = trace.find()

    assert [run.run_id for _, run in found.runs] == [right, other, restored]
    assert found.files == {"models/serving": exported}
    assert found.metadata["git.dirty"] == "no"


@pytest.fixture(name="service")
def _service() -> Iterator[str]:
    """A server that answers /info as the service does."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Tell what the package tells."""
            self.send_response(200 if self.path == "/info" else 404)
            self.end_headers()
            self.wfile.write(json.dumps(info(changed=True)).encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_service_tells_its_model_and_commit(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    """That is enough to find the run."""
    run_id = make_run()
    monkeypatch.setenv("URL", f"{service}/")
    found = trace.find()

    assert found.run
    assert found.run.run_id == run_id
    assert (found.metadata["git.commit"], found.metadata["git.dirty"]) == ("c0ffee", "yes")


def test_what_is_no_service_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever answers there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"SSH-2.0-x\r\n")

        threading.Thread(target=greet, daemon=True).start()
        monkeypatch.setenv("URL", f"http://127.0.0.1:{listener.getsockname()[1]}")

        with pytest.raises(ServingError, match="what it sent is not HTTP"):
            trace.find()


def test_the_model_in_the_work_tree_is_the_default(make_run: MakeRun, prepared: Path) -> None:
    """Found by its content."""
    model = prepared / "models" / "model"
    model.mkdir(parents=True)
    (model / "weights").write_text("1")
    run_id = make_run(hashing.digest(model))

    assert [run.run_id for _, run in trace.find().runs] == [run_id]


def test_a_model_that_no_store_knows_has_no_run(prepared: Path) -> None:
    """It is told by its hash alone, and nothing is guessed."""
    (prepared / "models" / "model").mkdir(parents=True)
    found = trace.find()

    assert found.run is None
    assert found.artifact("dvc.lock") == b""


@pytest.mark.usefixtures("project")
def test_without_a_model_there_is_nothing_to_tell() -> None:
    """The sentence says what to name."""
    with pytest.raises(KnownError, match="RUN="):
        trace.find()
