"""A server with a known capacity: it answers one request at a time, each at a fixed cost."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

import answering
from mlops.client.load_outcome import Record
from stalling import listening

SHA = "a" * 64


def simulated(due: Sequence[float], cost: float) -> list[Record]:
    """Return what becomes of requests where nothing but the cost takes time."""
    records, free = [], 0.0
    for at in due:
        free = max(at, free) + cost
        records.append((at, at, free, ""))
    return records


@contextmanager
def serve(cost: float) -> Iterator[str]:
    """Run the server until the block ends; give its address."""
    turn = threading.Lock()
    count = {"busy": 0.0, "requests": 0}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer waits 40 ms

        def do_GET(self) -> None:
            if self.path == "/metrics":
                self.answer(
                    "bentoml_service_start_time_seconds 1.0\n"
                    f"bentoml_service_predict_busy_seconds_total {count['busy']}\n"
                    'bentoml_service_request_total{endpoint="/predict"} '
                    f"{count['requests']}\n"
                )
            else:
                self.answer(json.dumps({"name": "toy", "version": "v1", "model_sha256": SHA}))

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            with turn:
                time.sleep(cost)
                count["busy"] += cost
                count["requests"] += 1
            self.answer(json.dumps(answering.PREDICTION))

        def answer(self, text: str) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_arguments: object) -> None:
            pass

    with listening(Handler) as url:
        yield url
