"""A server that answers at once, but for one moment at which it stands still, and its own log."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Seconds after which a client that sends too little to end the stall is known to wait for answers.
PATIENCE = 20


@dataclass
class Log:
    """When each text came and was answered, by the clock of this machine."""

    stall_at: int  # requests
    stall_for: int  # requests that must come while it stands still
    came: dict[str, float] = field(default_factory=dict)
    answered: dict[str, float] = field(default_factory=dict)
    ended_by_requests: bool = True
    _moving: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def arrive(self, text: str) -> None:
        """Note a request; return when it may be answered."""
        with self._lock:
            self.came[text] = time.monotonic()
            number = len(self.came)
        if number >= self.stall_at + self.stall_for:
            self._moving.set()
        if number > self.stall_at and not self._moving.wait(PATIENCE):
            self.ended_by_requests = False
            self._moving.set()
        self.answered[text] = time.monotonic()


@contextmanager
def serve(log: Log) -> Iterator[str]:
    """Run the server until the block ends; give its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer waits 40 ms

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            log.arrive(asked["text"])
            raw = b'{"label": "x", "probabilities": {"x": 1.0}}'
            self.send_response(200)
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_arguments: object) -> None:
            pass

    with listening(Handler) as url:
        yield url


class Server(ThreadingHTTPServer):
    """One that no burst of connections is refused by."""

    request_queue_size = 1024
    daemon_threads = True


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Answer on a free port of loopback until the block ends; give the address."""
    with Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
