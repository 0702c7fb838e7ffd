"""The alerts of an environment, from its objectives."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mlops.config.operating import Objectives
from mlops.operate.monitoring import increases, promql
from mlops.operate.monitoring.increases import recorded
from mlops.operate.monitoring.promql import LIVE, PREFIX
from mlops.operate.monitoring.windows import PAGE, TICKET, Burn, Windows, written

NONE = "none"  # severity of what fires always
MOST = 0.9  # share of failures above which any objective is missed
CRASHES = 3


@dataclass(frozen=True)
class Alert:
    """What fires, when, and what it says."""

    name: str
    expression: str
    severity: str
    summary: str
    lasts: float = 0.0  # seconds until it fires
    keeps: float = 0.0  # seconds that it goes on
    window: str = ""

    def rule(self, environment: str, runbook: str) -> dict[str, Any]:
        """Return it as Prometheus reads it."""
        labels = {"environment": environment, "severity": self.severity}
        times = {"for": self.lasts, "keep_firing_for": self.keeps}
        link = f"{runbook}#{self.name.lower()}"
        return {
            "alert": self.name,
            "expr": self.expression,
            **{name: written(seconds) for name, seconds in times.items() if seconds},
            "labels": labels | ({"window": self.window} if self.window else {}),
            "annotations": {"summary": f"{environment}: {self.summary}", "runbook_url": link},
        }


def alerts(environment: str, objectives: Objectives, windows: Windows) -> Iterator[Alert]:
    """Yield all of them."""
    for burn in windows.burns:
        yield from _burning(environment, objectives, burn, windows.keep)
    yield from _traffic(environment, objectives, windows)
    yield from _pods(environment, windows)
    yield from _model(environment, windows)
    yield Alert("DeadMansSwitch", "vector(1)", NONE, "alerts work; if this one ends, none comes")


def _burning(environment: str, objectives: Objectives, burn: Burn, keep: float) -> Iterator[Alert]:
    promises = (
        ("AvailabilityBudgetBurn", increases.ERRORS, increases.REQUESTS, objectives.availability,
         "{{ $value | humanizePercentage }} of the requests get a 5xx"),
        ("LatencyBudgetBurn", increases.SLOW, increases.ANSWERS, objectives.latency_share,
         "{{ $value | humanizePercentage }} of the answers take longer than "
         f"{objectives.latency_seconds:g} s"),
        ("ProxyBudgetBurn", increases.FAILED, increases.PROXIED, objectives.availability,
         "{{ $value | humanizePercentage }} of the requests to the proxy get a 5xx"),
    )  # fmt: skip
    for name, bad, all_, objective, summary in promises:
        limit = min(burn.factor * (1 - objective), MOST)
        shares = [
            f"{recorded(bad, window, environment)} / {recorded(all_, window, environment)} "
            f"> {limit:.6g}"
            for window in (burn.long, burn.short)
        ]
        enough = f"{recorded(all_, burn.long, environment)} >= {objectives.min_requests}"
        yield Alert(
            name,
            f"{shares[0]} and {shares[1]} and {enough}",
            burn.severity,
            f"{summary}, objective {1 - objective:.3g}",
            keeps=keep,
            window=written(burn.long),
        )


def _traffic(environment: str, objectives: Objectives, windows: Windows) -> Iterator[Alert]:
    idle = recorded(increases.REQUESTS, windows.idle, environment)
    usual = recorded(increases.REQUESTS, windows.day, environment)
    yield Alert(
        "NoTraffic",
        f"{idle} == 0 and {usual} >= {objectives.min_requests}",
        TICKET,
        f"no request for {written(windows.idle)}, and at least {objectives.min_requests} in "
        f"{written(windows.day)}",
    )
    live, pods = promql.pods(environment, LIVE), promql.pods(environment)
    yield Alert(
        "ServiceDown",
        f"max by (environment) ({live.of('up')}) == 0",
        PAGE,
        "no pod of the live version answers Prometheus",
        windows.gone,
    )
    yield Alert(
        "TargetsVanished",
        f"absent({live.of('up')})",
        PAGE,
        "Prometheus knows of no pod of the live version",
        windows.gone,
    )
    yield Alert(
        "TargetDown",
        f"{pods.of('up')} == 0",
        TICKET,
        "{{ $labels.instance }} does not answer Prometheus",
        windows.down,
    )


def _pods(environment: str, windows: Windows) -> Iterator[Alert]:
    pods, all_ = promql.pods(environment), promql.Selected(environment, common=())
    yield Alert(
        "CrashLoop",
        f"changes({all_.of(f'{PREFIX}_start_time_seconds')}[{written(windows.crashes)}]) "
        f">= {CRASHES}",
        PAGE,
        "workers of {{ $labels.instance }} started {{ $value }} times in "
        f"{written(windows.crashes)}",
    )
    waiting, size = pods.of(f"{PREFIX}_queue_waiting"), pods.of(f"{PREFIX}_queue_size")
    yield Alert(
        "QueueFilling",
        f"{waiting} / {size} > 0.5",
        TICKET,
        "the queue of {{ $labels.instance }} is {{ $value | humanizePercentage }} full",
        windows.queue,
    )
    dropped = pods.increase(f"{PREFIX}_request_log_total", windows.log, 'outcome="dropped"')
    yield Alert(
        "RequestLogDropping",
        f"{promql.total(dropped)} > 0",
        TICKET,
        f"the request log lost {{{{ $value | humanize }}}} lines in {written(windows.log)}",
    )


def _model(environment: str, windows: Windows) -> Iterator[Alert]:
    here, live = f'environment="{environment}"', promql.pods(environment, LIVE)
    yield Alert(
        "Drift",
        f"max by (environment) (mlops_drift_alarm{{{here}}}) == 1",
        TICKET,
        "the requests are unlike the rows that the model was tested on",
    )
    end = f"max by (environment) (mlops_drift_window_end_seconds{{{here}}})"
    yield Alert(
        "DriftUnchecked",
        f"time() - {end} > {windows.drift:g}",
        TICKET,
        f"`make drift` has compared nothing for more than {written(windows.drift)}",
    )
    created = f"max by (environment) ({live.of(f'{PREFIX}_model_created_time_seconds')} > 0)"
    yield Alert(
        "StaleModel",
        f"time() - {created} > {windows.stale:g}",
        TICKET,
        f"the live version is older than {written(windows.stale)}",
    )
    canaries = promql.pods(environment, 'role="canary"').of("up")
    yield Alert(
        "CanaryUnattended",
        f"count by (environment) ({canaries})",
        PAGE,
        f"a second version has had traffic for more than {written(windows.canary)}, longer than "
        "a canary may take",
        windows.canary,
    )
