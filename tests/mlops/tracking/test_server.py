"""Rules of mlops.tracking.server, against sockets on loopback."""

import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import pytest

from mlops.core.errors import TrackingError
from mlops.tracking import server


class Answers(http.server.BaseHTTPRequestHandler):
    """A server that answers all alike."""

    status: ClassVar[int] = 200
    body: ClassVar[bytes] = b"{}"
    asked: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        """Answer."""
        self.asked.append(self.headers.get("Authorization"))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """Serve one answer; give the address."""
    kind = type("Kind", (Answers,), {"status": status, "body": body})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{found.server_address[1]}"
        found.shutdown()


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def told(uri: str) -> str:
    """Return what is said of an address."""
    with pytest.raises(TrackingError) as error:
        server.check(uri)
    return str(error.value)


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b'{"experiments": []}'), (200, b"{}"), (404, b'{"error_code": "X", "message": ""}')],
)
def test_mlflow_is_known_by_its_words(status: int, body: bytes) -> None:
    """A store without an experiment is one, too."""
    with answering(status, body) as place:
        server.check(f"http://{place}")


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, b"<html>Welcome</html>", "not MLflow"),
        (200, b'{"status": "ok"}', "not MLflow"),
        (404, b"not found", "not MLflow"),
        (401, b"", "MLFLOW_TRACKING_PASSWORD"),
        (403, b"Invalid Host header", "Invalid Host header"),
        (503, b"upstream", "503: upstream"),
    ],
)
def test_what_is_wrong_is_told_with_the_way_out(status: int, body: bytes, words: str) -> None:
    """Each sentence ends with what to do where the server cannot be mended."""
    with answering(status, body) as place:
        sentence = told(f"http://{place}")

    assert words in sentence
    assert "MLFLOW_OFFLINE=1" in sentence


def test_nothing_that_listens_is_told() -> None:
    """The most common case: the server is down."""
    assert "start the server" in told(f"http://127.0.0.1:{free_port()}")


def test_a_server_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It hangs: a bound on the wait, not MLflow's minutes of trying again."""
    monkeypatch.setattr(server, "TIMEOUT", 0.1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()

        assert "no answer within" in told(f"http://127.0.0.1:{silent.getsockname()[1]}")


def test_an_unknown_host_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistyped address is not a server that is down."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)

    assert "unknown host" in told("http://mlflow.invalid:5000")


@pytest.mark.parametrize("where", ["address", "variables"])
def test_the_password_is_sent_and_never_shown(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the address or from the usual variables."""
    Answers.asked.clear()
    user = "me:hunter2@" if where == "address" else ""
    if where == "variables":
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "me")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "hunter2")
    with answering(401, b"") as place:
        sentence = told(f"http://{user}{place}")

    assert "hunter2" not in sentence
    assert Answers.asked == ["Basic bWU6aHVudGVyMg=="]


def test_a_local_store_is_not_asked() -> None:
    """SQLite needs no server."""
    server.check("sqlite:////nowhere/mlflow.db")


@pytest.mark.parametrize(("value", "used"), [("1", "sqlite"), ("0", "http"), ("", "http")])
def test_offline_means_the_environments_own_store(
    value: str, used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although a server is named."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example:5000")
    monkeypatch.setenv("MLFLOW_OFFLINE", value)

    assert server.get_uri("dev").startswith(used)
