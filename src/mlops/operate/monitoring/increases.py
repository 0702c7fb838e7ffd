"""What the alerts share: requests, errors, answers and slow answers, over each window."""

from collections.abc import Iterator
from typing import Any

from mlops.config.operating import Objectives
from mlops.core.errors import OperateError
from mlops.operate.monitoring import promql
from mlops.operate.monitoring.promql import PREDICT, PREFIX
from mlops.operate.monitoring.windows import Windows, written
from mlops.serving.counts import SECONDS

TOTAL = f"{PREFIX}_request_total"
DURATION = f"{PREFIX}_request_duration_seconds"
OK, ERROR = 'http_response_code="200"', 'http_response_code=~"5.."'
REQUESTS, ERRORS, ANSWERS, SLOW = (
    f"mlops:{name}:increase" for name in ("requests", "errors", "answers", "slow")
)
PROXIED, FAILED = "mlops:proxy_requests:increase", "mlops:proxy_errors:increase"
OBJECTIVE = "mlops:objective"


def recorded(name: str, window: float, environment: str) -> str:
    """Return the selector of what is recorded over a window."""
    return f'{name}{written(window)}{{environment="{environment}"}}'


def records(environment: str, objectives: Objectives, windows: Windows) -> Iterator[dict[str, Any]]:
    """Yield the recording rules."""
    check(objectives)
    edge = promql.bound(objectives.latency_seconds)
    pods, proxy = promql.pods(environment), promql.proxy(environment)
    for window in windows.increases:
        yield _rule(REQUESTS, window, pods.increase(TOTAL, window, PREDICT))
        if window in (windows.idle, windows.day) and not _burns(window, windows):
            continue
        yield _rule(ERRORS, window, pods.increase(TOTAL, window, PREDICT, ERROR))
        yield _rule(ANSWERS, window, pods.increase(f"{DURATION}_count", window, PREDICT, OK))
        fast = pods.increase(f"{DURATION}_bucket", window, PREDICT, OK, edge)
        answers = recorded(ANSWERS, window, environment)
        yield _rule(SLOW, window, f"{answers} - {promql.total(fast)}", summed=True)
        entered = "traefik_entrypoint_requests_total"
        yield _rule(PROXIED, window, proxy.increase(entered, window))
        failed = promql.total(proxy.increase(entered, window, 'code=~"5.."'))
        none = f"{recorded(PROXIED, window, environment)} * 0"  # it has no series before the first
        yield _rule(FAILED, window, f"{failed} or {none}", summed=True)
    for name in ("availability", "latency_share", "latency_seconds"):
        labels = {"environment": environment, "objective": name}
        value = getattr(objectives, name)
        yield {"record": OBJECTIVE, "labels": labels, "expr": f"vector({value:g})"}


def check(objectives: Objectives) -> None:
    """Refuse a bound that no histogram measures."""
    if objectives.latency_seconds not in SECONDS:
        edges = ", ".join(f"{one:g}" for one in SECONDS)
        raise OperateError(
            f"objectives.latency_seconds: expected an edge of the histogram ({edges}), found "
            f"{objectives.latency_seconds:g}; between two edges nothing is measured"
        )


def _burns(window: float, windows: Windows) -> bool:
    return any(window in (one.long, one.short) for one in windows.burns)


def _rule(name: str, window: float, expression: str, summed: bool = False) -> dict[str, Any]:
    whole = expression if summed else promql.total(expression)
    return {"record": f"{name}{written(window)}", "expr": whole}
