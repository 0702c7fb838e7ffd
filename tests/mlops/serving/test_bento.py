"""The served Bento and every bad input: a prediction or a clear error, and it goes on. Slow."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import bentoml
import pytest

import served

pytestmark = pytest.mark.slow
JSON = "Content-Type: application/json\r\n"


@pytest.fixture(autouse=True)
def _still_well(server: served.Server) -> Iterator[None]:
    """After each test the same workers answer, and none has failed."""
    before = sorted(worker.pid for worker in server.workers())
    yield
    assert server.predict({"text": "good"})[0] == 200
    assert sorted(worker.pid for worker in server.workers()) == before
    assert server.metric("bentoml_service_request_total", http_response_code="500") == 0


def talk(server: served.Server, head: str, body: bytes = b"", leaves: bool = False) -> bytes:
    """Send a request as it is, byte for byte; return all that comes back."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(f"{head}Host: service\r\nConnection: close\r\n\r\n".encode() + body)
        if leaves:
            connection.shutdown(socket.SHUT_WR)
        parts = list(iter(lambda: connection.recv(65536), b""))
    return b"".join(parts)


def status(answer: bytes) -> int:
    """Return the status of a raw answer."""
    return int(answer.split(maxsplit=2)[1])


@pytest.mark.parametrize(
    ("value", "expected", "code"),
    [
        ({"text": ""}, 422, "empty_text"),
        ({"text": " \t\n "}, 422, "empty_text"),
        ({"text": "\0"}, 422, "empty_text"),
        ({"text": "x" * 1_000_000}, 413, "body_too_large"),
        ({"text": "x" * 900_000}, 422, "text_too_long"),
        ({"texts": ["good"] * 10_000}, 422, "too_many_texts"),
        (b"[" * 10_000 + b"]" * 10_000, 400, "bad_json"),
        (b'{"text":' * 10_000 + b'"a"' + b"}" * 10_000, 400, "bad_json"),
        ({"text": 5}, 400, "bad_shape"),
        ({"text": None}, 400, "bad_shape"),
        ({"texts": "good"}, 400, "bad_shape"),
        (["good"], 400, "bad_shape"),
        ({}, 400, "bad_shape"),
        ({"text": "good", "more": 1}, 400, "bad_shape"),
        (b'{"text": "\xff\xfe"}', 400, "not_utf8"),
        (b'{"text": "\\ud83d"}', 422, "lone_surrogate"),
        (b'{"text": "good', 400, "bad_json"),
        (b"", 400, "bad_json"),
    ],
)
def test_bad_input_is_refused(server: served.Server, value: Any, expected: int, code: str) -> None:
    """With a 4xx, and JSON that tells what was wrong."""
    found, answer, _headers = server.predict(value)

    assert (found, answer["error"]["code"]) == (expected, code)
    if code.endswith(("large", "long", "texts")):
        assert answer["error"]["found"] > answer["error"]["limit"] > 0


@pytest.mark.parametrize(
    "text",
    ["good \0 film", "\u05e1\u05e8\u05d8 good", "good 👩‍👩‍👧 😀", "\u202egood\u202c", "\U0010fffe"],
)
def test_strange_text_is_predicted(server: served.Server, text: str) -> None:
    """NUL inside, right-to-left, emoji, direction marks, characters without a meaning."""
    assert server.predict({"text": text})[0] == 200


def test_a_bad_item_harms_no_other(server: served.Server) -> None:
    """Each kind of bad item between good ones."""
    bad = ["", "x" * 20_001, 5, None, "\ud800", ["a"]]
    raw = json.dumps({"texts": [t for item in bad for t in ("good", item)]}).encode()
    found, answer, _headers = server.predict(raw)

    assert found == 200
    assert [r.get("label") for r in answer["results"]] == ["positive", None] * len(bad)


@pytest.mark.parametrize(
    "kind",
    ["", "Content-Type: text/plain\r\n", "Content-Type: application/x-www-form-urlencoded\r\n"],
)
def test_another_content_type_is_refused(server: served.Server, kind: str) -> None:
    """The refusal tells the right one."""
    answer = talk(server, f"POST /predict HTTP/1.1\r\n{kind}Content-Length: 2\r\n", b"{}")

    assert status(answer) == 415
    assert b"application/json" in answer


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"])
def test_a_wrong_method_is_refused(server: served.Server, method: str) -> None:
    """405 with Allow; a method that HTTP does not know is no HTTP."""
    answer = talk(server, f"{method} /predict HTTP/1.1\r\n")

    assert status(answer) == (400 if method == "BREW" else 405)
    assert method == "BREW" or b"allow: POST" in answer


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/predict/",
        "/predict/submit",
        "/../etc/passwd",
        "/static_content/x",
        "/%00",
        "/docs",
        "//predict",
    ],
)
def test_an_unknown_path_is_refused(server: served.Server, path: str) -> None:
    """404, as JSON."""
    answer = talk(server, f"POST {path} HTTP/1.1\r\n{JSON}Content-Length: 0\r\n")

    assert status(answer) == 404
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "not_found"


def test_a_truncated_body_is_no_request(server: served.Server) -> None:
    """The client leaves before it has sent what it announced: nothing breaks."""
    head = f"POST /predict HTTP/1.1\r\n{JSON}Content-Length: 100\r\n"

    assert talk(server, head, b'{"text": "go', leaves=True).startswith((b"HTTP/1.1 4", b""))


def test_a_body_over_the_limit_is_refused_before_it_is_sent(server: served.Server) -> None:
    """By what the client announces; the connection ends."""
    head = f"POST /predict HTTP/1.1\r\n{JSON}Content-Length: 9000000000\r\n"
    answer = talk(server, head, b"{")

    assert status(answer) == 413
    assert b'"limit":1000000' in answer


def test_a_chunked_body_over_the_limit_is_refused(server: served.Server) -> None:
    """Also where nothing is announced."""
    head = f"POST /predict HTTP/1.1\r\n{JSON}Transfer-Encoding: chunked\r\n"
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"

    assert status(talk(server, head, chunk * 20 + b"0\r\n\r\n")) == 413


def test_a_slow_client_keeps_nobody_waiting(server: served.Server) -> None:
    """More of them than there are workers, each amid its body, and others are served."""
    head = f"POST /predict HTTP/1.1\r\nHost: service\r\n{JSON}Content-Length: 100\r\n\r\n{{"
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(8)]
    for connection in slow:
        connection.sendall(head.encode())

    for _ in range(20):
        assert server.predict({"text": "good"})[0] == 200
    for connection in slow:
        connection.close()


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz"])
def test_health_is_told(server: served.Server, path: str) -> None:
    """Where BentoML and Kubernetes look for it."""
    assert server.get(path) == "\n"


def test_info_tells_where_the_model_comes_from(server: served.Server, bento: served.Bento) -> None:
    """Model, data, figures, package and limits."""
    info = server.get("/info")

    assert info["package"] == bento.tag.partition(":")[2]
    assert info["model_sha256"] == "0" * 64
    assert info["metrics"]["accuracy"] == 0.9
    assert info["limits"] == {"max_chars": 20000, "max_items": 100, "max_body_bytes": 1000000}


def test_the_workers_metrics_are_one(server: served.Server) -> None:
    """Whichever worker is asked, it counts the requests of both."""
    name = "bentoml_service_request_total"
    before = server.metric(name, endpoint="/predict", http_response_code="200")
    for _ in range(20):
        server.predict({"text": "good"})

    after = {server.metric(name, endpoint="/predict", http_response_code="200") for _ in range(8)}
    assert len(server.workers()) == 2
    assert after == {before + 20}


def test_bentomls_client_predicts(server: served.Server) -> None:
    """One text or a list, by the names of the arguments."""
    with bentoml.SyncHTTPClient(server.url) as client:
        one = client.predict(text="the film was good")
        many = client.predict(texts=["bad", ""])

    assert one["label"] == "positive"
    assert many["results"][1]["error"]["code"] == "empty_text"


async def _ask(url: str) -> Any:
    async with bentoml.AsyncHTTPClient(url) as client:
        return await client.predict(text="good")


@pytest.mark.anyio
async def test_bentomls_asynchronous_client_predicts(server: served.Server) -> None:
    """The other of the two."""
    assert (await _ask(server.url))["label"] == "positive"


@pytest.mark.parametrize(
    ("asked", "error", "status"),
    [
        ({}, bentoml.exceptions.InvalidArgument, 400),
        ({"text": ""}, bentoml.exceptions.UnprocessableEntity, 422),
        ({"text": "x" * 1_000_000}, bentoml.exceptions.BentoMLException, 413),
    ],
)
def test_bentomls_client_raises_its_own_errors(
    server: served.Server, asked: dict[str, Any], error: type[Exception], status: int
) -> None:
    """By kind, with the status and our sentence."""
    with bentoml.SyncHTTPClient(server.url) as client, pytest.raises(error) as found:
        client.predict(**asked)

    assert found.value.error_code == status  # type: ignore[attr-defined]
    assert json.loads(str(found.value))["error"]["message"]
