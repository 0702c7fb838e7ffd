"""What one version has answered, as its pods and the proxy count it, read from Prometheus.

Counters are kept by series and subtracted by series: a series that was born in between began at 0
(the proxy makes one at the first 502, which `increase` would not see), and one that has become
smaller began again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite

from mlops.deployment.mover import Arm
from mlops.operate.progressive.intervals import Part
from mlops.operate.prometheus import Prometheus, Sample

PROXIED = "traefik_service_requests_total"
PROXIED_SECONDS = "traefik_service_request_duration_seconds_bucket"
REQUESTS = "bentoml_service_request_total"
SECONDS = "bentoml_service_request_duration_seconds_bucket"
PREDICTIONS = "bentoml_service_prediction_total"
GAVE_UP = 499  # as Traefik counts a client that did not wait for its answer

Series = dict[frozenset[tuple[str, str]], float]


@dataclass(frozen=True)
class Counts:
    """Requests by status, latencies of the answers, predictions by class; all since a moment."""

    proxied: Series = field(default_factory=dict)
    proxied_seconds: Series = field(default_factory=dict)
    requests: Series = field(default_factory=dict)
    seconds: Series = field(default_factory=dict)
    predictions: Series = field(default_factory=dict)

    def since(self, before: "Counts") -> "Counts":
        """Return what has been added since."""
        return Counts(
            **{name: _added(getattr(self, name), getattr(before, name)) for name in _NAMES}
        )

    @property
    def by_proxy(self) -> dict[str, int]:
        """Return the requests by status, as the proxy has counted them."""
        return _by("code", self.proxied)

    @property
    def by_pods(self) -> dict[str, int]:
        """Return the requests by status, as the pods have counted them."""
        return _by("http_response_code", self.requests)

    @property
    def by_class(self) -> dict[str, int]:
        """Return the predictions by class."""
        return _by("label", self.predictions)


_NAMES = tuple(Counts.__dataclass_fields__)


def read(prometheus: Prometheus, arm: Arm, edge: float) -> Counts:
    """Return the counts of a version as last scraped; raise OperateError without Prometheus.

    `edge` is the latency that divides the answers into fast and slow.
    """
    edges = "|".join(sorted({f"{edge:g}", str(float(edge)), r"\\+Inf"}))
    within = f'le=~"{edges}"'
    posts = f'{arm.proxied},method="POST"'
    none = not arm.proxied
    ask = prometheus.vector
    return Counts(
        proxied={} if none else _series(ask(f"{PROXIED}{{{posts}}}")),
        proxied_seconds={}
        if none
        else _series(ask(f'{PROXIED_SECONDS}{{{posts},code="200",{within}}}')),
        requests=_series(ask(of_pods(arm))),
        seconds=_series(
            ask(f'{SECONDS}{{{_asked(arm)},http_response_code="200",{within}}}'),
        ),
        predictions=_series(ask(f"{PREDICTIONS}{{{arm.pods}}}")),
    )


def of_pods(arm: Arm) -> str:
    """Return the series of an arm's requests by status, as its pods count them."""
    return f"{REQUESTS}{{{_asked(arm)}}}"


def scraped_at(prometheus: Prometheus, arm: Arm) -> float | None:
    """Return when the newest of an arm's counts was scraped."""
    proxied = f'{PROXIED}{{{arm.proxied},method="POST"}}' if arm.proxied else ""
    return prometheus.value(f"max(timestamp({proxied or of_pods(arm)}))")


def failed(statuses: Mapping[str, int]) -> Part:
    """Return the requests that got a 5xx, or whose client gave up."""
    bad = [n for code, n in statuses.items() if code.startswith("5") or code == str(GAVE_UP)]
    return Part(sum(bad), sum(statuses.values()))


def refused(statuses: Mapping[str, int]) -> Part:
    """Return the requests that got a 4xx."""
    bad = [n for code, n in statuses.items() if code.startswith("4") and code != str(GAVE_UP)]
    return Part(sum(bad), sum(statuses.values()))


def slow(series: Series) -> Part:
    """Return the answers that took longer than the edge."""
    by_edge = _by("le", series)
    rows = by_edge.pop("+Inf", 0)
    return Part(rows - sum(by_edge.values()), rows)


def _asked(arm: Arm) -> str:
    return f'{arm.pods},endpoint="/predict"'


def _series(found: Iterable[Sample]) -> Series:
    return {frozenset(one.labels.items()): one.value for one in found if isfinite(one.value)}


def _added(now: Series, before: Series) -> Series:
    return {key: n - b if n >= (b := before.get(key, 0.0)) else n for key, n in now.items()}


def _by(label: str, series: Series) -> dict[str, int]:
    found: dict[str, int] = {}
    for key, value in series.items():
        name = dict(key).get(label, "")
        found[name] = found.get(name, 0) + round(value)
    return found
