"""What is wrong in an environment now, in words, as its Prometheus sees it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from mlops.operate.monitoring import increases
from mlops.operate.monitoring.alerts import NONE
from mlops.operate.monitoring.increases import recorded
from mlops.operate.monitoring.windows import PAGE
from mlops.operate.prometheus import Prometheus

LATELY = 300  # seconds: the shortest window of the rules
WATCHFUL = "DeadMansSwitch"  # fires always: without it, silence means nothing


def lines(server: Prometheus, environment: str) -> Iterator[str]:
    """Yield what fires, and what is about to; or that nothing is wrong, where that is known."""
    mine = watched(server, environment)
    if mine is None:
        yield (
            f"unknown      Prometheus has evaluated no rule of {environment} yet: ask again in a "
            "minute"
        )
        return
    wrong = [one for one in mine if one["labels"].get("severity") != NONE]
    yield from map(_line, sorted(wrong, key=_rank))
    if not wrong:
        yield f"nothing is wrong: {_traffic(server, environment)}"


def watched(server: Prometheus, environment: str) -> list[dict[str, Any]] | None:
    """Return the alerts of an environment; None where this Prometheus does not watch it."""
    mine = [one for one in server.alerts() if one["labels"].get("environment") == environment]
    return mine if any(one["labels"]["alertname"] == WATCHFUL for one in mine) else None


def _rank(alert: dict[str, Any]) -> tuple[bool, bool, str]:
    return alert["state"] != "firing", alert["labels"]["severity"] != PAGE, alert["activeAt"]


def _line(alert: dict[str, Any]) -> str:
    labels, said = alert["labels"], alert["annotations"]
    since = f"{datetime.fromisoformat(alert['activeAt'][:19]).replace(tzinfo=UTC):%d %b %H:%M} UTC"
    kind = labels["severity"] if alert["state"] == "firing" else "soon"
    return (
        f"{kind:12} {labels['alertname']} since {since}: {said['summary']} ({said['runbook_url']})"
    )


def _traffic(server: Prometheus, environment: str) -> str:
    minutes = f"in the last {LATELY // 60} minutes"
    asked = server.value(recorded(increases.REQUESTS, LATELY, environment))
    failed = server.value(recorded(increases.ERRORS, LATELY, environment))
    if asked is None or failed is None:
        return f"how many requests there were {minutes} is not known yet"
    if round(asked) == 0:
        return f"no request {minutes}"
    return f"{asked:,.0f} requests {minutes}, {failed / asked:.2%} of them answered with a 5xx"
