"""Expressions over the metrics of the service, the proxy and `make drift`."""

from dataclasses import dataclass

from mlops.operate.monitoring.windows import written

PREFIX = "bentoml_service"
PODS, PROXY = "model-server", "proxy"  # jobs
STARTED = {PODS: f"{PREFIX}_start_time_seconds", PROXY: "process_start_time_seconds"}
# A copy of the traffic that nobody waits for counts in no objective; a canary does.
NO_SHADOW, LIVE = 'role!="shadow"', 'role!~"canary|shadow"'
PREDICT = 'endpoint="/predict"'


@dataclass(frozen=True)
class Selected:
    """Series of one metric of a job in an environment."""

    environment: str  # or a variable of Grafana's
    job: str = PODS
    common: tuple[str, ...] = (NO_SHADOW,)

    def of(self, metric: str, *matchers: str) -> str:
        """Return the selector."""
        labels = (f'job="{self.job}"', f'environment="{self.environment}"', *self.common, *matchers)
        return f"{metric}{{{','.join(labels)}}}"

    def increase(self, metric: str, window: float, *matchers: str) -> str:
        """Return how much counters rose in a window.

        A process that started in the window counts from 0, whenever its first scrape was: what
        came before that is not lost.
        """
        series, length = self.of(metric, *matchers), written(window)
        process = Selected(self.environment, self.job, ()).of(STARTED[self.job])
        started = f"{process} > time() - {window:.12g}"
        new = f"({series} unless {series} offset {length}) and on (job, instance) ({started})"
        return f"(({new}) or increase({series}[{length}]))"


def pods(environment: str, *common: str) -> Selected:
    """Return the series of the pods that are not shadows."""
    return Selected(environment, common=common or (NO_SHADOW,))


def proxy(environment: str) -> Selected:
    """Return the series of the proxy where it takes the requests."""
    return Selected(environment, PROXY, ('entrypoint="web"',))


def total(expression: str) -> str:
    """Return the sum over what is counted in an environment."""
    return f"sum by (environment) ({expression})"


def bound(seconds: float) -> str:
    """Return the matcher of a histogram's edge, as clients write it."""
    return f'le="{float(seconds)}"'
