"""A service that stands in for a version: the same answers and metrics, and one way to be bad.

Run: `python tests/mlops/support/standin.py PORT JSON`
"""

import json
import os
import random
import resource
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

LABELS = ("negative", "positive")
OTHER_LABELS = {"negative": "LABEL_0", "positive": "LABEL_1"}
EDGES = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
MEMORY, GROWTH = 1_500_000_000, 16_000_000  # bytes of address space, and what each request keeps
# As one where nobody reads: the connection is left open, and nothing comes.
HANGS = threading.Event()


def feeling(text: str) -> str:
    """Return the right label of a text."""
    return LABELS["good" in text or "great" in text]


@dataclass
class Version:
    """What a service is, and how it behaves."""

    version: str = "1"
    model_sha256: str = "a" * 64
    package: str = "content"
    behaviour: str = "good"
    after: int = 1  # requests that are answered well: it starts as if it were good
    kept: list[bytearray] = field(default_factory=list)

    def status(self) -> int:
        """Return what a request is answered with, after what else happens to it."""
        self.after -= 1
        if self.after >= 0:
            return 200
        if self.behaviour == "hanging":
            HANGS.wait()
        if self.behaviour == "crashing":
            os._exit(1)
        if self.behaviour == "slow":
            time.sleep(0.4)
        if self.behaviour == "growing":
            self._grow()
        return int(self.behaviour) if self.behaviour in ("500", "503") else 200

    def label(self, text: str) -> str:
        """Return the class of a text."""
        right = feeling(text)
        if self.after >= 0:
            return right
        other = LABELS[right == LABELS[0]]
        answers = {
            "one class": LABELS[0],
            "labels swapped": other,
            "other labels": OTHER_LABELS[right],
            # Retrained: a few texts near the border fall to the other side.
            "differs": other if random.random() < 0.05 else right,
        }
        return answers.get(self.behaviour, right)

    def _grow(self) -> None:
        try:
            self.kept.append(bytearray(GROWTH))
        except MemoryError:
            os._exit(137)  # as the kernel does it where a container's memory ends


class Metrics:
    """Counts as the service makes them."""

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry()
        self._version = version
        names: dict[str, Any] = {"namespace": "bentoml_service", "registry": self.registry}
        labels = ("endpoint", "service_name", "service_version", "http_response_code")
        self._total = Counter("request_total", "Requests", labels, **names)
        self._seconds = Histogram(
            "request_duration_seconds", "Seconds", labels, buckets=EDGES, **names
        )
        self._classes = Counter(
            "prediction_total", "Classes", ("service_version", "label"), **names
        )
        for status in (200, 500, 503):
            self._total.labels("/predict", "classifier", version, str(status))
            self._seconds.labels("/predict", "classifier", version, str(status))
        for label in LABELS:
            self._classes.labels(version, label)

    def count(self, status: int, seconds: float, label: str) -> None:
        """Count a request."""
        key = ("/predict", "classifier", self._version, str(status))
        self._total.labels(*key).inc()
        self._seconds.labels(*key).observe(seconds)
        if status == 200:
            self._classes.labels(self._version, label).inc()

    @property
    def text(self) -> bytes:
        """Return what Prometheus reads."""
        return generate_latest(self.registry)


class Handler(BaseHTTPRequestHandler):
    """Answers as the service does."""

    protocol_version = "HTTP/1.1"
    served: Version
    metrics: Metrics

    def do_GET(self) -> None:
        """Answer the paths that are not predictions."""
        info = {"model_sha256": self.served.model_sha256, "package": self.served.package}
        is_metrics = self.path == "/metrics"
        body = self.metrics.text if is_metrics else json.dumps(info).encode()
        self._answer(200, body, "text/plain" if is_metrics else "application/json")

    def do_POST(self) -> None:
        """Predict."""
        begun = time.monotonic()
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        texts = asked.get("texts") or [asked["text"]]
        status = self.served.status()
        labels = [self.served.label(text) for text in texts]
        results = [{"label": one, "probabilities": {one: 0.9}} for one in labels]
        value = {"results": results} if "texts" in asked else results[0]
        self.metrics.count(status, time.monotonic() - begun, labels[0])
        self._answer(status, json.dumps(value).encode(), "application/json")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("X-Served-By", f"version {self.served.version}")  # a proxy says which pod
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_args: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve until the process is ended."""
    version = Version(**json.loads(sys.argv[2]))
    if version.behaviour == "growing":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    handler = type("Own", (Handler,), {"served": version, "metrics": Metrics(version.version)})
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), handler).serve_forever()


if __name__ == "__main__":
    main()
