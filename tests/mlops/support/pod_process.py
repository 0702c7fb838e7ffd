"""A pod's process for the tests' cluster: it predicts on one thread and counts how long that took.

`python pod_process.py <image> <milliseconds>` prints its port, and ends when its input does. It
answers as the service does, as far as a deployment, a gateway and Prometheus ask.
"""

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

IMAGE, WORK = sys.argv[1], float(sys.argv[2]) / 1000
METRICS = """# TYPE bentoml_service_request_total counter
bentoml_service_request_total{{endpoint="/predict",http_response_code="200"}} {requests}
# TYPE bentoml_service_predict_busy_seconds_total counter
bentoml_service_predict_busy_seconds_total {busy}
"""


class Predictor:
    """One thread's worth of predicting."""

    def __init__(self) -> None:
        self.requests, self.busy, self.under_way = 0, 0.0, 0
        self.idle = threading.Condition()
        self._alone = threading.Lock()

    def predict(self) -> None:
        """Take as long as a prediction does, and count it."""
        with self._alone:
            begun = time.monotonic()
            time.sleep(WORK)
            self.busy += time.monotonic() - begun
            self.requests += 1

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count a request as under way until its answer is sent."""
        with self.idle:
            self.under_way += 1
        try:
            yield
        finally:
            with self.idle:
                self.under_way -= 1
                self.idle.notify_all()


class Handler(BaseHTTPRequestHandler):
    predictor = Predictor()
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _send(self, text: str, kind: str) -> None:
        raw = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("X-Served-By", IMAGE)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def do_GET(self) -> None:
        """Tell what is counted, or which image this is."""
        if self.path == "/metrics":
            self._send(METRICS.format(**vars(self.predictor)), "text/plain; version=0.0.4")
        else:
            self._send(json.dumps({"image": IMAGE}), "application/json")

    def do_POST(self) -> None:
        """Predict."""
        answer = {"label": "positive", "probabilities": {"positive": 0.9}, "image": IMAGE}
        with self.predictor.request():
            self.rfile.read(int(self.headers["Content-Length"]))
            self.predictor.predict()
            self._send(json.dumps(answer), "application/json")


class Server(ThreadingHTTPServer):
    daemon_threads = True  # connections that rest keep none
    request_queue_size = 128


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.shutdown()
    server.socket.close()
    with Handler.predictor.idle:  # what was accepted is answered
        Handler.predictor.idle.wait_for(lambda: not Handler.predictor.under_way, 10)
