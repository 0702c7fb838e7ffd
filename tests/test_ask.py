"""`make predict`: a text in, bars out, and a clear error where nobody answers."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from ml import ask
from ml.errors import ServingError

ANSWER = {
    "label": "positive",
    "probabilities": {"negative": 0.25, "positive": 0.75},
    "tokens": 16,
    "truncated": True,
    "model": {"name": "toy", "version": "v1"},
}


class Service(BaseHTTPRequestHandler):
    """Answers as the service does: a refusal to an empty text."""

    def do_POST(self) -> None:
        """Answer as the service does."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        refused = asked != {"text": "a fine film"}
        body: Any = {"error": {"code": "x", "message": "no, because"}} if refused else ANSWER
        raw = json.dumps(body).encode()
        self.send_response(422 if refused else 200)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture(name="port")
def _port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_the_answer_is_told_as_bars(
    port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The likeliest class first, and that the text was cut."""
    monkeypatch.setenv("TEXT", "a fine film")
    monkeypatch.setenv("PORT", str(port))
    ask.main()

    assert capsys.readouterr().out.splitlines() == [
        "toy v1",
        "positive   75.0%  " + "#" * 30,
        "negative   25.0%  " + "#" * 10,
        "only the first 16 tokens were read",
    ]


def test_a_refusal_is_told_in_the_services_words(port: int) -> None:
    """Not as a status code."""
    with pytest.raises(ServingError, match="no, because"):
        ask.ask(f"http://127.0.0.1:{port}", "another")


def test_a_service_that_does_not_run_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that starts one."""
    with HTTPServer(("127.0.0.1", 0), Service) as server:
        port = server.server_port
    monkeypatch.setenv("TEXT", "a fine film")
    monkeypatch.setenv("PORT", str(port))

    with pytest.raises(ServingError, match="make serve"):
        ask.main()


def test_a_missing_text_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an example."""
    monkeypatch.delenv("TEXT", raising=False)

    with pytest.raises(ServingError, match="TEXT="):
        ask.main()
