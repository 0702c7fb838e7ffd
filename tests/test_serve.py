"""`make serve` replaces itself by BentoML's server."""

import os
import sys
from pathlib import Path

import pytest

import toy
from ml import payload, serve
from ml.errors import ServingError


def test_the_model_of_the_work_tree_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On loopback, at PORT, with what the packager would take along."""
    monkeypatch.chdir(toy.project(tmp_path / "project"))
    monkeypatch.setenv("PORT", "3999")
    monkeypatch.setenv("PYTHONPATH", "more")
    monkeypatch.setenv("BENTOML_HOME", "elsewhere")
    called: list[str] = []
    monkeypatch.setattr("os.execv", lambda _path, command: called.extend(command))
    serve.main()

    assert Path(called[0]) == Path(sys.executable).with_name("bentoml")
    assert called[1:] == ["serve", serve.SERVICE, "--host", "127.0.0.1", "--port", "3999"]
    assert (payload.FOLDER / "serving.json").exists()
    assert os.environ["PYTHONPATH"].endswith(f"src{os.pathsep}more")
    assert "http://127.0.0.1:3999" in capsys.readouterr().err


def test_two_services_keep_their_own_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BentoML's server empties the metrics of its home when it starts, whoever counts there."""
    monkeypatch.chdir(toy.project(tmp_path / "project"))
    monkeypatch.setattr("os.execv", lambda *_arguments: None)
    homes = set()
    for port in ("3998", "3999"):
        monkeypatch.setenv("PORT", port)
        serve.main()
        homes.add(os.environ["BENTOML_HOME"])

    assert len(homes) == 2


def test_without_a_model_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that makes one, and nothing is started."""
    project = toy.project(tmp_path / "project")
    monkeypatch.chdir(project)
    (project / "models" / "serving" / "signature.json").unlink()
    monkeypatch.setattr("os.execv", lambda *_arguments: pytest.fail("started"))

    with pytest.raises(ServingError, match="make train"):
        serve.main()
