"""What the doctor says of ports that are taken, stuck servers and locks of DVC."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops.doctor import leftovers, outside, ports
from sickbed import told, unused


def test_a_port_that_is_taken_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the way around it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))

        assert f"{port} is taken: make serve cannot listen -> make serve PORT={port + 1}" in told(
            next(ports.ports())
        )


# Takes the words of `make ui` and the port among them, and answers or does not.
SERVER = """
import socket, sys
port = int(sys.argv[sys.argv.index("--port") + 1])
with socket.create_server(("127.0.0.1", port)) as server:
    print("ready", flush=True)
    while True:
        caller, _ = server.accept()
        if sys.argv[1] == "alive":
            caller.recv(1000)
            caller.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\nOK")
            caller.close()
"""


@pytest.fixture(name="ui", params=["alive", "stuck"])
def _ui(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, int, int]]:
    """A process that looks like our MLflow server: how it is, its id, its port."""
    monkeypatch.chdir(tmp_path)
    store = f"sqlite:///{tmp_path}/.mlflow/dev/mlflow.db"
    words = ["-m", "mlflow", "server", "--port", str(unused()), "--backend-store-uri", store]
    command = [sys.executable, "-c", SERVER, request.param, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()
        yield request.param, process.pid, int(words[4])
        process.kill()


def test_a_server_of_ours_is_known(
    ui: tuple[str, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that answers is fine, its port is no finding; one that is stuck can be ended."""
    state, pid, port = ui
    monkeypatch.setenv("PORT", str(port))
    if state == "stuck":
        monkeypatch.setattr(outside, "SECONDS", 0.2)
    found = "\n".join(map(told, ports.ports()))

    assert (
        found
        == {
            "alive": f"ok MLflow make ui serves at http://127.0.0.1:{port} (process {pid})",
            "stuck": f"note MLflow the server of make ui (process {pid}) is stuck: timed out "
            f"-> kill {pid}",
        }[state]
    )


def lock(text: str) -> None:
    """Write DVC's lock."""
    leftovers.LOCK.parent.mkdir(parents=True, exist_ok=True)
    leftovers.LOCK.write_text(text)


def held(pid: int) -> str:
    """Return a lock as DVC writes it for a process."""
    return json.dumps({"write": {"/p/models": {"pid": pid, "cmd": "dvc repro"}}, "read": {}})


def test_what_a_killed_dvc_left_behind_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock of a process that is gone holds nobody up; one that another has now does."""
    monkeypatch.chdir(tmp_path)
    assert told(leftovers.leftovers()) == "ok DVC no lock is held"
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    lock(held(gone.pid))
    assert (
        told(leftovers.leftovers()) == "ok DVC a stale lock of ended processes, which DVC ignores"
    )
    lock('{"write": ')
    assert "was cut off: DVC cannot read it -> rm .dvc/tmp/rwlock" in told(leftovers.leftovers())
    for words, sentence in (
        (["sleep", "60"], "NO DVC a lock is held for process {} (`dvc repro`), which is another"),
        (["sh", "-c", "read wait", "dvc", "repro"], "note DVC process {} (`dvc repro`) is running"),
    ):
        with subprocess.Popen(words, stdin=subprocess.PIPE) as process:
            lock(held(process.pid))
            found = told(leftovers.leftovers())
            process.kill()
        assert found.startswith(sentence.format(process.pid))
