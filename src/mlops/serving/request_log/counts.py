"""The metrics of the request log; they exist also where nothing is kept."""

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge


class Counts:
    """Counts of one worker, in predictions; a request may have several."""

    def __init__(self, registry: CollectorRegistry) -> None:
        names: dict[str, Any] = {"namespace": "bentoml_service", "registry": registry}
        help_text = "Predictions to log, by outcome"
        total = Counter("request_log_total", help_text, ("outcome",), **names)
        self.written = total.labels("written")
        self.dropped = total.labels("dropped")
        live = {"multiprocess_mode": "livesum", **names}
        self.pending = Gauge("request_log_pending", "Requests that wait to be logged", **live)
        most = {"multiprocess_mode": "livemax", **names}
        self.held = Gauge("request_log_spool_bytes", "Bytes of log that wait to be shipped", **most)
