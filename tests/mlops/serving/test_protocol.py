"""HTTP/1.1 as the workers speak it: raw bytes against a real server on loopback."""

import asyncio
import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import Mock

import pytest
import uvicorn
from uvicorn.protocols.http import auto

import toy
from mlops.serving import protocol
from mlops.serving.asgi import Scope, Send
from mlops.serving.protocol import Protocol
from mlops.serving.request import Receive
from mlops.serving.settings import Settings

SETTINGS = Settings(**toy.settings())
SOON = SETTINGS.model_copy(update={"timeout": 0.01})
HOST = b"Host: service\r\n"
OFFER = (
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
)
WEBSOCKET = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
LAST = b"GET /last HTTP/1.1\r\nHost: service\r\nConnection: close\r\n\r\n"
# More than the buffers of both ends hold.
LARGE = b"x" * 2**25


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the path and the body; /early does not wait for it, /large says more."""
    body, more = b"", scope["path"] != "/early"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message["body"], message["more_body"]
    said = LARGE if scope["path"] == "/large" else scope["path"].encode() + b"=" + body
    headers = [(b"content-length", str(len(said)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": said})


@contextmanager
def serving(settings: Settings) -> Iterator[int]:
    """Serve the app by uvicorn as BentoML runs it; give the port."""
    before = auto.AutoHTTPProtocol
    protocol.install(settings)
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        auto.AutoHTTPProtocol = before


@pytest.fixture(name="port", scope="module")
def _port() -> Iterator[int]:
    with serving(SETTINGS) as port:
        yield port


@pytest.fixture(name="hasty", scope="module")
def _hasty() -> Iterator[int]:
    """A server that waits for nothing."""
    with serving(SOON) as port:
        yield port


def talk(port: int, *parts: bytes, half_close: bool = False) -> bytes:
    """Send parts, each in a segment of its own, and return all that comes until the end."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            connection.sendall(part)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        found = b""
        while more := connection.recv(65536):
            found += more
        return found


def answers(found: bytes) -> list[bytes]:
    """Return what the app said in each answer, or the status of one that is not the app's."""
    parts = [part.partition(b"\r\n\r\n") for part in found.split(b"HTTP/1.1 ")[1:]]
    return [said if head[:3] == b"200" else head[:3] for head, _, said in parts]


def post(body: bytes, headers: bytes = b"", path: bytes = b"/predict") -> bytes:
    """Return a request with a body."""
    length = b"Content-Length: %d\r\n" % len(body)
    return b"POST " + path + b" HTTP/1.1\r\n" + HOST + headers + length + b"\r\n" + body


CHUNKED = post(b"", OFFER).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([post(b"a", OFFER), LAST], [b"/predict=a", b"/last="]),
        ([post(b"", OFFER).replace(b": 0", b": 1"), b"a", LAST], [b"/predict=a", b"/last="]),
        ([CHUNKED + b"1\r\na\r\n0\r\n\r\n" + LAST], [b"/predict=a", b"/last="]),
        ([CHUNKED, b"1\r\na\r\n", b"0\r\n\r\n", LAST], [b"/predict=a", b"/last="]),
        ([post(b"a", OFFER) * 3 + LAST], [*[b"/predict=a"] * 3, b"/last="]),
        ([post(b"a", WEBSOCKET) + LAST], [b"/predict=a", b"/last="]),
        ([b"GET /g HTTP/1.1\r\n" + HOST + OFFER + b"\r\n" + LAST], [b"/g=", b"/last="]),
        ([b"GET /g HTTP/1.1\r\n" + HOST + WEBSOCKET + b"\r\n", LAST], [b"/g=", b"/last="]),
        ([post(b"a", b"Connection: close, upgrade\r\nUpgrade: foo/2\r\n")], [b"/predict=a"]),
        ([post(b"a", OFFER).replace(b"HTTP/1.1", b"HTTP/1.0")], [b"/predict=a"]),
        ([*(bytes([byte]) for byte in post(b"a", OFFER)), LAST], [b"/predict=a", b"/last="]),
    ],
)  # fmt: skip
def test_an_offer_of_another_protocol_is_ignored(
    port: int, parts: list[bytes], said: list[bytes]
) -> None:
    """Every stock Java client offers h2c; its body counts, and the connection goes on."""
    assert answers(talk(port, *parts)) == said


def test_many_offers_on_one_connection_are_all_answered(port: int) -> None:
    """In order, and without a recursion for each."""
    requests = b"".join(post(b"%d" % number, OFFER) for number in range(2000))

    assert answers(talk(port, requests, LAST)) == [
        *(b"/predict=%d" % number for number in range(2000)), b"/last=",
    ]  # fmt: skip


@pytest.mark.parametrize("target", [b"other:80", b"/predict"])
def test_a_tunnel_is_none(port: int, target: bytes) -> None:
    """CONNECT always asks for another protocol; what follows it is no request to this host."""
    found = answers(talk(port, b"CONNECT " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n" + LAST))

    assert len(found) == 1
    assert b"/last=" not in found


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (post(b"a"), [b"/predict=a"]),
        (post(b"a", OFFER), [b"/predict=a"]),
        (post(b"a") + post(b"b") + post(b"c"), [b"/predict=a", b"/predict=b", b"/predict=c"]),
        (post(b"a") + b"GET /b HTT", [b"/predict=a"]),
        (b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n", [b"/livez="]),
        (post(b"a").replace(b": 1", b": 9"), []),
        (b"GET /livez HT", []),
        (b"", []),
    ],
)
def test_a_client_that_has_ended_its_side_is_answered(
    port: int, sent: bytes, said: list[bytes]
) -> None:
    """Where its request came whole, as with `nc -N`; else nothing is there to answer."""
    assert answers(talk(port, sent, half_close=True)) == said


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /a HTTP/9.9\r\nHost: service\r\n\r\n",
        post(b"a", b"Transfer-Encoding: chunked\r\n"),
        post(b"a").replace(b": 1\r", b": +1\r"),
        post(b"a").replace(b": 1\r", b": -1\r"),
        post(b"a").replace(b"\r\n", b"\n"),
        post(b"", b"X\0Y: 1\r\n"),
        b"GET /\xff HTTP/1.1\r\nHost: service\r\n\r\n",
        CHUNKED + b"zz\r\n",
    ],
)
def test_what_is_not_http_is_refused_in_json(port: int, sent: bytes) -> None:
    """By the shape of all errors, and the connection ends."""
    head, _, body = talk(port, sent).rpartition(b"\r\n\r\n")

    assert b" 400 " in head
    assert b"content-type: application/json" in head
    assert json.loads(body)["error"]["code"] == "bad_http"


def test_what_is_answered_past_the_application_is_counted(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By status and code: the application hears nothing of it."""
    seen: list[tuple[int, str]] = []
    monkeypatch.setattr(Protocol, "count", lambda status, code: seen.append((status, code)))
    talk(port, b"nonsense\r\n\r\n")

    assert seen == [(400, "bad_http")]


def test_what_came_before_garbage_is_answered(port: int) -> None:
    """And nothing else: another answer would be taken for that of a request."""
    assert answers(talk(port, post(b"a") + b"garbage\r\n\r\n")) == [b"/predict=a"]


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /" + b"a" * 2**20,
        b"GET / HTTP/1.1\r\nX: " + b"a" * 2**20,
        b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 2**18,
        CHUNKED + b"1;" + b"a" * 2**20,
        CHUNKED + b"1\r\na\r\n0\r\n" + b"X: a\r\n" * 2**18,
    ],
    ids=["url", "header", "headers", "chunk", "trailers"],
)
def test_a_head_without_end_is_not_kept(port: int, sent: bytes) -> None:
    """Nor what else a parser may collect before it has something to give."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        try:
            connection.sendall(sent)
            answer = connection.recv(65536)
        except ConnectionError:  # it was closed while this side was sending
            return
        assert answers(answer) == [b"431"]


@pytest.mark.parametrize("sent", [b"GET /", post(b"")[:-2], OFFER[:1]])
def test_a_head_that_does_not_come_is_not_waited_for(hasty: int, sent: bytes) -> None:
    """It would hold a socket for as long as the client likes."""
    head, _, body = talk(hasty, sent).rpartition(b"\r\n\r\n")

    assert b" 408 " in head
    assert json.loads(body)["error"]["code"] == "slow_request"


@pytest.mark.parametrize("sent", [b"", post(b"too late", path=b"/early")[:-8]])
def test_bytes_that_begin_no_request_are_not_waited_on(hasty: int, sent: bytes) -> None:
    """Each would begin the time anew that a connection may rest: an empty line, a refused body."""
    with socket.create_connection(("127.0.0.1", hasty), timeout=30) as connection:
        connection.sendall(sent)
        if sent:
            assert answers(connection.recv(65536)) == [b"/early="]
        connection.sendall(b"\r\n")

        assert connection.recv(65536) == b""


def test_a_connection_rests_for_as_long_as_the_setting_says() -> None:
    """Before its first request and between two."""
    with serving(SETTINGS.model_copy(update={"keep_alive": 0.01})) as port:
        assert talk(port) == b""
        assert answers(talk(port, post(b"a"))) == [b"/predict=a"]


def test_answers_that_nobody_fetches_are_given_up() -> None:
    """A client that asks and does not read would hold its socket for ever."""
    with (
        serving(SETTINGS.model_copy(update={"keep_alive": 0.01})) as port,
        socket.create_connection(("127.0.0.1", port), timeout=30) as connection,
    ):
        connection.sendall(post(b"a", path=b"/large"))
        with pytest.raises(ConnectionError):  # noqa: PT012  how much came before is not known
            while connection.recv(1):
                connection.sendall(b"x")


def connection(**options: int) -> Protocol:
    """Return a connection that no network has."""
    config = uvicorn.Config(app, http=Protocol, log_config=None, **options)  # type: ignore[arg-type]
    return Protocol(
        config=config,
        server_state=uvicorn.server.ServerState(),
        app_state={},
        _loop=asyncio.new_event_loop(),
    )


@pytest.mark.parametrize(("given", "kept"), [(5, 75.0), (30, 30)])
def test_bentoml_may_be_told_another_time(
    given: int, kept: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`bentoml serve --timeout-keep-alive` counts; what uvicorn has by default does not."""
    monkeypatch.setattr(Protocol, "keep_alive", 75.0, raising=False)

    assert connection(timeout_keep_alive=given).timeout_keep_alive == kept


@pytest.mark.parametrize(("left", "end"), [(0, ["close"]), (1, ["abort", "close"])])
def test_a_short_answer_that_nobody_fetches_is_given_up_too(
    left: int, end: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transport that is closed waits until all is fetched."""
    monkeypatch.setattr(Protocol, "keep_alive", 75.0, raising=False)
    resting, transport = connection(), Mock(spec=asyncio.Transport)
    transport.get_write_buffer_size.return_value = left
    transport.is_closing.return_value = False
    resting.transport = transport
    resting.timeout_keep_alive_handler()

    assert [call[0] for call in transport.method_calls if call[0] in ("abort", "close")] == end


def test_nobody_can_fill_the_log(port: int, caplog: pytest.LogCaptureFixture) -> None:
    """A line at most for a request that is none, however it is broken off."""
    with caplog.at_level(logging.WARNING):
        for sent in (post(b"a", OFFER), b"GET /a HTTP/1.1\r\n" + HOST + b"\r\n", b"GET", b"\0"):
            talk(port, sent, half_close=True)

    assert [record.message for record in caplog.records] == []
