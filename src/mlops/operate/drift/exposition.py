"""The outcome in Prometheus' text format; what is unknown has no series, and reads as nothing."""

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from mlops.operate.drift.result import DRIFT, TOO_FEW, Outcome


def text(outcome: Outcome) -> bytes:
    """Return the lines."""
    registry = CollectorRegistry()

    def gauge(name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(f"mlops_drift_{name}", meaning, ["environment", *labels], registry=registry)

    here = outcome.environment
    gauge("rows", "Logged texts in the last window").labels(here).set(outcome.newest.rows)
    ended = gauge("window_end_seconds", "When the last window ends").labels(here)
    ended.set(outcome.newest.end.timestamp())
    if outcome.verdict == TOO_FEW:
        return generate_latest(registry)
    alarm = gauge("alarm", "1: a distance has exceeded its bound for drift.windows windows")
    alarm.labels(here).set(outcome.verdict == DRIFT)
    distance = gauge("distance", "Of the last window from the held-out rows", "statistic")
    low = gauge("low", "Lower confidence bound of the distance", "statistic")
    most = gauge("max", "Distance that is no drift", "statistic")
    for one in outcome.newest.findings:
        distance.labels(here, one.statistic).set(one.distance)
        low.labels(here, one.statistic).set(one.low)
        most.labels(here, one.statistic).set(one.max)
    return generate_latest(registry)
