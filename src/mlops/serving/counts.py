"""What the service counts: requests, texts, the queue. Every series is at 0 before it is scraped.

A series that is born with its first event hides that event: Prometheus sees no rise. So all label
values are known beforehand, and each child is looked up once.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from mlops.serving.engine import Prediction
from mlops.serving.errors import CODES

OTHER = "other"  # endpoint of a path that there is none of, code of an error that is none of ours
ANSWERED = (200, 405, 500)
# Statuses by endpoint. 499: the client went away, as nginx calls it.
STATUSES: dict[str, tuple[int, ...]] = {
    "/predict": (*ANSWERED, 400, 408, 413, 415, 422, 499, 503),
    **dict.fromkeys(("/", "/info", "/docs.json", "/metrics", "/schema.json"), ANSWERED),
    **dict.fromkeys(("/livez", "/readyz", "/healthz"), (*ANSWERED, 503)),
    OTHER: (404,),
}
IN_HEAD = (400, 408, 431)  # answered before there is a path
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
TOKENS = tuple(2**n for n in range(14))


@dataclass(frozen=True)
class Origin:
    """What is counted for: a service, the model in it, and the version that was registered."""

    service: str
    version: str  # as registered, else the model's own
    registered: str
    model_sha256: str
    commit: str
    labels: Sequence[str]
    created: float = 0.0  # Unix time at which it was registered; 0: it was not


class Factory:
    """Makes metrics of one name space."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._common: dict[str, Any] = {"namespace": "bentoml_service", "registry": registry}

    def counter(self, name: str, text: str, *labels: str) -> Counter:
        """Make a counter."""
        return Counter(name, text, labels, **self._common)

    def gauge(self, name: str, text: str, *labels: str, mode: Any = "livesum") -> Gauge:
        """Make a gauge; the mode says what several workers are together."""
        return Gauge(name, text, labels, multiprocess_mode=mode, **self._common)

    def histogram(
        self, name: str, text: str, *labels: str, buckets: Sequence[float] = SECONDS
    ) -> Histogram:
        """Make a histogram."""
        return Histogram(name, text, labels, buckets=buckets, **self._common)


class Requests:
    """Requests by endpoint and status, what they took, and why they were refused."""

    def __init__(self, make: Factory, origin: Origin) -> None:
        names = ("endpoint", "service_name", "service_version")
        self._values = (origin.service, origin.version)
        code = "http_response_code"
        self._total = make.counter("request_total", "Requests answered", *names, code)
        self._seconds = make.histogram(
            "request_duration_seconds", "Seconds to answer", *names, code
        )
        self.running = make.gauge("request_in_progress", "Requests being answered", *names).labels(
            "/predict", *self._values
        )
        refused = make.counter(
            "refused_total", "Requests, and texts of lists, that got an error", *names[2:], "reason"
        )
        self._refused = {
            one: refused.labels(origin.version, one) for one in (*sorted(CODES), OTHER)
        }
        self._children = {
            (endpoint, status): self._child(endpoint, status)
            for endpoint, statuses in STATUSES.items()
            for status in statuses
        }
        self._in_head = {status: self._counter(OTHER, status) for status in IN_HEAD}

    def count(self, endpoint: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        child = self._children.get((endpoint, status))
        if child is None:
            child = self._children[endpoint, status] = self._child(endpoint, status)
        total, took = child
        total.inc()
        if took:
            took.observe(seconds)

    def refuse(self, code: str, texts: int = 1) -> None:
        """Count what got an error in place of a prediction."""
        self._refused.get(code, self._refused[OTHER]).inc(texts)

    def reject(self, status: int, code: str) -> None:
        """Count a request whose head was answered with an error; it has no path and no duration."""
        self._in_head[status].inc()
        self.refuse(code)

    def _child(self, endpoint: str, status: int) -> tuple[Counter, Histogram | None]:
        timed = endpoint == "/predict" or status == HTTPStatus.OK  # else nobody asks how long
        seconds = self._seconds.labels(endpoint, *self._values, str(status)) if timed else None
        return self._counter(endpoint, status), seconds

    def _counter(self, endpoint: str, status: int) -> Counter:
        return self._total.labels(endpoint, *self._values, str(status))


class Texts:
    """Texts by outcome, and what the model made of them."""

    def __init__(self, make: Factory, origin: Origin) -> None:
        name, value = "service_version", origin.version
        outcomes = make.counter("text_total", "Texts by outcome", name, "outcome")
        self.predicted, self.truncated, self.refused = (
            outcomes.labels(value, one) for one in ("predicted", "truncated", "refused")
        )
        labels = make.counter("prediction_total", "Texts by predicted label", name, "label")
        self._labels = {one: labels.labels(value, one) for one in origin.labels}
        words = make.counter("words_total", "Words of predicted texts", name, "kind")
        self._known, self._unknown = (words.labels(value, one) for one in ("known", "unknown"))
        self._confidence = make.histogram(
            "prediction_confidence", "Probability of the predicted label", name, buckets=SHARES
        ).labels(value)
        self._tokens = make.histogram(
            "text_tokens", "Tokens of a text, after truncation", name, buckets=TOKENS
        ).labels(value)

    def count(self, predictions: Sequence[Prediction]) -> None:
        """Count texts that were predicted."""
        self.predicted.inc(len(predictions))
        if cut := sum(one.truncated for one in predictions):
            self.truncated.inc(cut)
        if unknown := sum(one.unknown_words for one in predictions):
            self._unknown.inc(unknown)
        self._known.inc(sum(one.words for one in predictions) - unknown)
        for one in predictions:
            self._labels[one.label].inc()
            self._confidence.observe(one.probabilities[one.label])
            self._tokens.observe(one.tokens)


class Waiting:
    """The queue before the thread that predicts."""

    def __init__(self, make: Factory, size: int) -> None:
        self.waiting = make.gauge("queue_waiting", "Requests that wait for their turn").set
        self.waited = make.histogram("queue_wait_seconds", "Seconds until its turn").observe
        self.busy = make.counter("predict_busy_seconds_total", "Seconds spent predicting").inc
        make.gauge("queue_size", "Requests that may be unanswered at once").set(size)
        self.waiting(0)


def describe(make: Factory, origin: Origin) -> None:
    """Tell which model this is, and since when its newest worker runs."""
    names = ("registered", "model_sha256", "commit")
    info = make.gauge("model_info", "The model that is served", *names, mode="max")
    info.labels(origin.registered, origin.model_sha256, origin.commit).set(1)
    created = make.gauge(
        "model_created_time_seconds", "Unix time at which the version was registered", mode="max"
    )
    created.set(origin.created)
    start = make.gauge(
        "start_time_seconds", "Unix time of a worker's start, the newest", mode="max"
    )
    start.set(time.time())
