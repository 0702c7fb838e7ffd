"""Prometheus metrics under BentoML's names, summed over the workers.

BentoML's own labels each unknown path as it comes, so that anyone could fill the memory; and its
middleware costs more than a prediction of a small model.

Reads: PROMETHEUS_MULTIPROC_DIR, which BentoML sets
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

LABELS = ("endpoint", "service_name", "service_version")
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
OTHER = "other"
CONTENT_TYPE = CONTENT_TYPE_LATEST


@dataclass
class Metrics:
    """Counts of one worker; each child is looked up once and kept."""

    service: str
    version: str
    registry: CollectorRegistry = REGISTRY
    _total: dict[tuple[str, int], Counter] = field(default_factory=dict)
    _seconds: dict[str, Histogram] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Register the metrics."""
        names: dict[str, Any] = {"namespace": "bentoml_service", "registry": self.registry}
        self.total = Counter(
            "request_total", "Requests answered", (*LABELS, "http_response_code"), **names
        )
        self.seconds = Histogram(
            "request_duration_seconds", "Seconds to answer", LABELS, buckets=SECONDS, **names
        )
        self.running = Gauge(
            "request_in_progress",
            "Requests being answered",
            LABELS,
            multiprocess_mode="livesum",
            **names,
        ).labels("/predict", self.service, self.version)
        self.texts = Counter("text_total", "Texts by outcome", ("outcome",), **names)
        self.predicted = self.texts.labels("predicted")
        self.truncated = self.texts.labels("truncated")
        self.refused = self.texts.labels("refused")

    def count(self, endpoint: str, status: int, seconds: float) -> None:
        """Count a request."""
        key = (endpoint, status)
        total = self._total.get(key)
        if total is None:
            total = self.total.labels(endpoint, self.service, self.version, str(status))
            self._total[key] = total
            self._seconds[endpoint] = self.seconds.labels(endpoint, self.service, self.version)
        total.inc()
        self._seconds[endpoint].observe(seconds)

    def export(self) -> bytes:
        """Return the metrics of all workers, or of this process where there is only one."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return bytes(generate_latest(self.registry))
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        _forget_dead(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
        return bytes(generate_latest(registry))


def _forget_dead(folder: Path) -> None:
    """Drop what killed workers were doing; what they had done stays counted."""
    for path in folder.glob("gauge_live*.db"):
        pid = path.stem.rpartition("_")[2]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            mark_process_dead(int(pid))  # type: ignore[no-untyped-call]
