"""Prometheus metrics under BentoML's names, summed over the workers.

BentoML's own labels each unknown path as it comes, so that anyone could fill the memory; and its
middleware costs more than a prediction of a small model.

Reads: PROMETHEUS_MULTIPROC_DIR, which BentoML sets
"""

import os
from pathlib import Path

import psutil
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from mlops.serving import counts
from mlops.serving.counts import Origin

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """Counts of one worker."""

    def __init__(self, origin: Origin, size: int, registry: CollectorRegistry = REGISTRY) -> None:
        self.registry = registry
        make = counts.Factory(registry)
        self.requests = counts.Requests(make, origin)
        self.texts = counts.Texts(make, origin)
        self.queue = counts.Waiting(make, size)
        counts.describe(make, origin)

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
