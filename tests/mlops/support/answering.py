"""Servers that answer every request with the same bytes, as proxies and wrong services do."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

PREDICTION: dict[str, Any] = {
    "label": "positive",
    "probabilities": {"negative": 0.25, "positive": 0.75},
    "tokens": 16,
    "truncated": True,
    "model": {"name": "toy", "version": "v1"},
}


def http(status: int, body: bytes | str = b"", kind: str = "application/json", *more: str) -> bytes:
    """Return an answer of HTTP; `more` are lines of its head."""
    raw = body if isinstance(body, bytes) else body.encode()
    head = [f"HTTP/1.1 {status} x", f"Content-Length: {len(raw)}", "Connection: close", *more]
    if kind:
        head.append(f"Content-Type: {kind}")
    return "\r\n".join([*head, "", ""]).encode() + raw


GOOD = http(200, json.dumps(PREDICTION))
BAD_GATEWAY = http(502, "<html><h1>502 Bad Gateway</h1></html>", "text/html")


HELLO = b"\x16"  # of TLS


class Server:
    """What it was sent, and where it listens."""

    def __init__(
        self, listener: socket.socket, answer: bytes | None, tls: ssl.SSLContext | None
    ) -> None:
        self.port = int(listener.getsockname()[1])
        self.requests: list[str] = []
        self._listener, self._answer, self._tls = listener, answer, tls
        self._kept: list[socket.socket] = []

    def run(self) -> None:
        """Answer until the listener is closed; without an answer, keep the connection open."""
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with suppress(OSError):
                    if self._tls:
                        connection = self._tls.wrap_socket(connection, server_side=True)
                    self.requests.append(_received(connection))
                    if self._answer is None:
                        self._kept.append(connection)
                        continue
                    connection.sendall(self._answer)
                connection.close()


def _received(connection: socket.socket) -> str:
    """Read a request to its end: what is unread when a connection is closed resets it."""
    raw = b""
    while b"\r\n\r\n" not in raw and (more := connection.recv(65536)):
        raw += more
        if raw.startswith(HELLO):
            return ""
    head, _, body = raw.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:])
    missing = int(fields.get("content-length", "0")) - len(body)
    while missing > 0 and (more := connection.recv(65536)):
        missing -= len(more)
        raw += more
    return raw.decode("latin-1")


@contextmanager
def serve(answer: bytes | None, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Answer every request with these bytes until the block ends; None never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        server = Server(listener, answer, tls)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
    thread.join()
