"""`make play`: from nothing to a page in the browser."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import served
import toy
from mlops.core import hashing
from mlops.core.errors import ServingError
from mlops.release import play, serve

# A browser: it writes down what it was asked to open.
BROWSER = '#!/bin/sh\nprintf %s "$1" > opened.part && mv opened.part opened\n'


@pytest.fixture(name="trained")
def _trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose dvc.lock says that its model is of the experiment films in dev."""
    project = toy.project(tmp_path / "project")
    monkeypatch.chdir(project)
    (project / "models" / "model").mkdir()
    (project / "models" / "model" / "weights").write_text("0")
    path = project / "models" / "serving" / "signature.json"
    digest = hashing.digest(Path("models/model"))
    path.write_text(json.dumps({**json.loads(path.read_text()), "model_sha256": digest}))
    params = yaml.safe_load((project / "params.yaml").read_text())
    (project / "params.yaml").write_text(yaml.safe_dump({**params, "experiment": "films"}))
    lock(project, "films")
    return project


def lock(project: Path, experiment: str) -> None:
    """Write the dvc.lock of a model."""
    values = {"data.train_path": "synthetic", "experiment": experiment}
    stage: dict[str, Any] = {
        "params": {"params.yaml": values},
        "outs": [{"path": "models/model", "md5": hashing.dvc(Path("models/model"))}],
    }
    (project / "dvc.lock").write_text(yaml.safe_dump({"stages": {"evaluate": stage}}))


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ({}, True),
        ({"ENV": "dev", "EXP": "films"}, True),
        ({"EXP": "tickets"}, False),
        ({"ENV": "qa"}, False),
    ],
)
@pytest.mark.usefixtures("trained")
def test_a_model_is_used_where_it_is_the_one_asked_for(asked: dict[str, str], there: bool) -> None:
    """By what dvc.lock says of it; whoever names nothing gets the one that is there."""
    assert play.is_there(asked) is there


def test_a_model_of_other_values_is_not_used(trained: Path) -> None:
    """A composed experiment whose training did not come to its end has none."""
    lock(trained, "tickets")

    assert not play.is_there({})


def test_without_a_model_there_is_none(trained: Path) -> None:
    """A fresh clone."""
    (trained / "models" / "serving" / "signature.json").unlink()

    assert not play.is_there({})


def test_it_trains_what_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the words that it prints; what was not named is the default, not an empty name."""
    called: list[tuple[list[str], dict[str, str]]] = []

    def run(words: list[str], env: dict[str, str], check: bool) -> Any:
        called.append((words, env))
        return subprocess.CompletedProcess(words, 2 if check else 3)

    monkeypatch.setattr("subprocess.run", run)
    monkeypatch.setenv("ENV", "")
    with pytest.raises(SystemExit) as ended:
        play.train({"EXP": "tickets"})

    assert ended.value.code == 3
    assert called[0][0] == ["make", "train", "EXP=tickets"]
    assert "ENV" not in called[0][1]
    assert "make train EXP=tickets" in capsys.readouterr().err


def test_a_taken_port_is_passed_over_unless_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """It finds the next free one; a named one is told before anything is trained."""
    taken = served.free_port()

    def check_free(port: int, verb: str = "") -> None:
        if port in (serve.DEFAULT, taken):
            raise ServingError(f"in use, make {verb}")

    monkeypatch.setattr(serve, "check_free", check_free)
    monkeypatch.setenv("PORT", str(taken))

    assert play.free_port() == serve.DEFAULT + 1
    with pytest.raises(ServingError, match="in use, make play"):
        play.main()


def test_without_a_desktop_the_address_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No browser of the terminal takes it over."""
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    play.show("http://127.0.0.1:3000")

    assert capsys.readouterr().err.startswith("open http://127.0.0.1:3000 in a browser")


@pytest.mark.slow
def test_it_serves_opens_the_page_and_ends_by_ctrl_c(trained: Path) -> None:
    """The page is there when the browser opens it; the end is no error and leaves nothing."""
    browser = trained / "browser"
    browser.write_text(BROWSER)
    browser.chmod(0o755)
    port = served.free_port()
    variables = {
        "PYTHONPATH": str(trained / "src"),
        "PORT": str(port),
        "BROWSER": f"{browser} %s",
    }
    with (trained / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlops.release.play"],
            env={**os.environ, **variables}, start_new_session=True, stdout=log, stderr=log,
        )  # fmt: skip
    server = served.Server(port, process, trained / "log")
    try:
        served.wait_for((trained / "opened").exists, server)
        assert server.predict({"text": "good"})[1]["label"] == "positive"
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        served.end(process)
    text = (trained / "log").read_text()
    assert f'make predict PORT={port} TEXT="..."' in text
    assert "Traceback" not in text
    assert (trained / "opened").read_text() == f"http://127.0.0.1:{port}"
    assert not served.answers(server)
