"""`make serve` replaces itself by BentoML's server."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import toy
from mlops.core.errors import ServingError
from mlops.release import serve
from mlops.release.versions import bundle


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
    assert (bundle.FOLDER / "serving.json").exists()
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


@pytest.fixture(name="taken")
def _taken() -> Iterator[int]:
    """A port on which this process listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_told_with_who_has_it(
    taken: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one sentence with the next step, before anything is laid out."""
    monkeypatch.chdir(toy.project(tmp_path / "project"))
    monkeypatch.setenv("PORT", str(taken))
    monkeypatch.setattr("os.execv", lambda *_arguments: pytest.fail("started"))

    with pytest.raises(
        ServingError, match=f"port {taken} is in use by process {os.getpid()} "
    ) as e:
        serve.main()

    assert f"make serve PORT={taken + 1}" in str(e.value)
    assert not bundle.FOLDER.exists()


def test_a_taken_port_of_someone_else_is_told_too(
    taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose it is this user may not know."""
    monkeypatch.setattr("psutil.net_connections", lambda _kind: [])

    with pytest.raises(ServingError, match=f"port {taken} is in use[.]"):
        serve.check_free(taken)


def test_a_port_in_time_wait_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier service left behind for a minute is no program that has it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            server.accept()[0].close()
    monkeypatch.setenv("PORT", str(port))

    serve.check_free(serve.asked_port())


@pytest.mark.parametrize("port", ["x", "0", "65536", "-1", "30 00", "3000.0", "\u0663", "1e4"])
def test_a_port_is_a_number(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told by us; BentoML has a page on how to call it."""
    monkeypatch.setenv("PORT", port)

    with pytest.raises(ServingError, match="PORT: expected a number from 1 to 65535"):
        serve.asked_port()


@pytest.mark.parametrize("port", ["", None])
def test_without_a_port_it_is_3000(port: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where make passes an empty one on."""
    monkeypatch.delenv("PORT", raising=False)
    if port is not None:
        monkeypatch.setenv("PORT", port)

    assert serve.asked_port() == 3000
