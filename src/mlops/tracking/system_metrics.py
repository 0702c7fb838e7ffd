"""The system metrics of MLflow, recorded in a journal instead of sent to a server."""

from collections.abc import Callable, Mapping
from types import TracebackType

from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

PREFIX = "system/"
SECONDS = 2  # between two samples; MLflow's own 10 s give a short run hardly a point


class SystemMetrics(SystemMetricsMonitor):  # type: ignore[misc]
    """Samples the machine in a thread of its own."""

    def __init__(
        self, write: Callable[[Mapping[str, float], int], None], step: int, uri: str
    ) -> None:
        super().__init__(run_id="", sampling_interval=SECONDS, tracking_uri=uri)
        self._write = write
        self._logging_step = step

    def __enter__(self) -> "SystemMetrics":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        """End the thread."""
        self._shutdown_event.set()
        if self._process:
            self._process.join()

    def monitor(self) -> None:
        """Sample until the end; MLflow's own loop asks the server each time whether it shall."""
        self.collect_metrics()
        while not self._shutdown_event.wait(self.sampling_interval):
            self.publish_metrics(self.aggregate_metrics())
            self.collect_metrics()

    def publish_metrics(self, metrics: Mapping[str, float]) -> None:
        """Write a sample."""
        self._write({PREFIX + name: value for name, value in metrics.items()}, self._logging_step)
        self._logging_step += 1
        for monitor in self.monitors:
            monitor.clear_metrics()
