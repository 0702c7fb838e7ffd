"""How busy the predicting threads of a service were, from two looks at its /metrics."""

from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from mlops.client import exchange
from mlops.client.address import Address
from mlops.client.failure import ServiceError

OTHERS = 0.02  # share of requests that others may have sent meanwhile


@dataclass(frozen=True)
class Counters:
    """What one server has counted since it started."""

    started: float
    busy: float  # seconds of prediction, of all threads
    requests: float  # to /predict


def scrape(where: Address) -> Counters | None:
    """Return the counters of a service; None where it does not show them."""
    try:
        response = exchange.fetch(where, "/metrics")
        return parse(response.body.decode()) if response.status == 200 else None
    except (ServiceError, ValueError, IndexError):  # whatever answers there
        return None


def parse(text: str) -> Counters | None:
    """Return the counters in the text that Prometheus reads; None where one is missing."""
    found: dict[str, list[float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.labels.get("endpoint", "/predict") == "/predict":
                found.setdefault(sample.name, []).append(sample.value)
    names = ("start_time_seconds", "predict_busy_seconds_total", "request_total")
    values = [found.get(f"bentoml_service_{name}") for name in names]
    return None if None in values else Counters(*(sum(value) for value in values if value))


def share(
    before: Counters | None, after: Counters | None, sent: int, seconds: float
) -> float | None:
    """Return the busy seconds of each second in which requests were sent; None where unknown.

    It is known where both looks saw the one server that has got all of the requests: behind an
    address may be several, and others may ask them.
    """
    if before is None or after is None or before.started != after.started or seconds <= 0:
        return None
    counted = after.requests - before.requests
    if not sent or abs(counted - sent) > max(1, OTHERS * sent):
        return None
    return (after.busy - before.busy) / seconds


def target(busy: float | None, threads: int) -> float | None:
    """Return what `deploy.busy_threads` is to be, per thread; None where it cannot be told."""
    if busy is None or not 0.01 <= busy / threads <= 1.02:  # the last of a batch ends a bit later
        return None
    return min(0.99, int(100 * busy / threads) / 100)
