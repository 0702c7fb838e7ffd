"""Series by which each alert of prod must fire, or must not; promtool runs the rules over them."""

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from ml.config import Params
from mlops.operate.monitoring import rules

# Prometheus looks at each moment; over months it would look too often.
MINUTE, HALF_HOUR, DAY = 60, 1800, 86_400
PODS = 'job="model-server",environment="prod"'
BLUE = f'{PODS},instance="b",pod="prod-blue",role="live"'
GREEN = f'{PODS},instance="g",pod="prod-green",role="canary"'
SHADOW = f'{PODS},instance="s",pod="prod-green",role="shadow"'
PROXY = 'job="proxy",environment="prod",instance="p"'
ELSEWHERE = BLUE.replace("prod", "qa")
LONG = 6000  # samples

Series = dict[str, str]
PAGED: dict[str, Any] = {"severity": "page"}


@dataclass(frozen=True)
class Case:
    """What is scraped, and whether an alert fires at a moment."""

    alert: str
    what: str
    series: Series
    at: str
    fires: bool
    severity: str = "ticket"
    window: str = ""
    step: int = MINUTE

    @property
    def test(self) -> dict[str, Any]:
        """Return it as promtool reads it."""
        window = f',window="{self.window}"' if self.window else ""
        found = f'alertname="{self.alert}",severity="{self.severity}",environment="prod"{window}'
        expression = f'count(ALERTS{{alertstate="firing",{found}}}) or vector(0)'
        expected = [{"labels": "{}", "value": int(self.fires)}]
        # As many samples as are looked at: promtool takes its time for more.
        samples = _seconds(self.at) // self.step + 1
        values = {k: v.replace(f"x{LONG}", f"x{samples}") for k, v in self.series.items()}
        return {
            "name": f"{self.alert} {self.what}",
            "interval": f"{self.step}s",
            "input_series": [{"series": k, "values": v} for k, v in values.items()],
            "promql_expr_test": [
                {"expr": expression, "eval_time": self.at, "exp_samples": expected}
            ],
        }


def _seconds(time: str) -> int:
    return int(time[:-1]) * {"m": MINUTE, "h": 60 * MINUTE, "d": DAY}[time[-1]]


def rising(each: float, first: float = 0) -> str:
    """Return the values of a counter that rises by so much from one sample to the next."""
    return f"{first:g}+{each:g}x{LONG}"


def predicted(labels: str, good: float, bad: float, code: str = "503") -> Series:
    """Return requests to /predict by status, as many from one sample to the next."""
    name, endpoint = "bentoml_service_request_total", 'endpoint="/predict",http_response_code'
    other = '"/info",http_response_code="500"'
    return {
        f'{name}{{{labels},{endpoint}="200"}}': rising(good),
        f'{name}{{{labels},{endpoint}="{code}"}}': rising(bad),
        f"{name}{{{labels},endpoint={other}}}": rising(good + bad),
        f"bentoml_service_start_time_seconds{{{labels}}}": rising(0, 1),
        f"up{{{labels}}}": rising(0, 1),
    }


def timed(labels: str, fast: float, slow: float, code: str = "200") -> Series:
    """Return durations of requests to /predict."""
    name = "bentoml_service_request_duration_seconds"
    whose = f'{labels},endpoint="/predict",http_response_code="{code}"'
    return {
        f"{name}_count{{{whose}}}": rising(fast + slow),
        f'{name}_bucket{{{whose},le="0.1"}}': rising(0),
        f'{name}_bucket{{{whose},le="0.25"}}': rising(fast),
        f'{name}_bucket{{{whose},le="10.0"}}': rising(fast + slow),
        f"bentoml_service_start_time_seconds{{{labels}}}": rising(0, 1),
    }


def proxied(good: float, bad: float, entry: str = "web", labels: str = PROXY) -> Series:
    """Return requests to the proxy."""
    name, whose = "traefik_entrypoint_requests_total", f'{labels},entrypoint="{entry}"'
    return {
        f'{name}{{{whose},code="200"}}': rising(good),
        f'{name}{{{whose},code="502"}}': rising(bad),
        f"process_start_time_seconds{{{labels}}}": rising(0, 1),
    }


def late(series: Series, samples: int, first: int) -> Series:
    """Return what a pod shows that started after so many samples, and counted before a scrape."""
    found = {}
    for name, value in series.items():
        each = float(value.partition("+")[2].partition("x")[0])
        begun = samples * MINUTE - 10 if "start_time" in name else first * each
        begun = 1 if name.startswith("up") else begun
        found[name] = f"_x{samples} {begun:g}+0x{LONG}"
    return found


BURNS = (
    # Long window, severity, step, when; shares of the budget of 0.1 % that burn and do not.
    ("1h", "page", MINUTE, "65m", 0.016, 0.014),
    ("6h", "page", MINUTE, "7h", 0.0066, 0.0055),
    ("3d", "ticket", HALF_HOUR, "4d", 0.0012, 0.0009),
)


def burning() -> Iterator[Case]:
    """Yield the cases of the three budgets; the one for latency is ten times the others."""
    for window, severity, step, at, burns, holds in BURNS:
        common: dict[str, Any] = {"severity": severity, "window": window, "step": step, "at": at}
        for share, fires in ((burns, True), (holds, False)):
            bad, slow = 1000 * share, 10_000 * share
            made = {
                "AvailabilityBudgetBurn": predicted(BLUE, 1000 - bad, bad),
                "LatencyBudgetBurn": timed(BLUE, 1000 - slow, slow),
                "ProxyBudgetBurn": proxied(1000 - bad, bad),
            }
            for alert, series in made.items():
                yield Case(alert, f"{share:.2%} over {window}", series, fires=fires, **common)
    yield from _exceptions()


def _exceptions() -> Iterator[Case]:
    page = {**PAGED, "window": "1h", "at": "75m", "fires": False}
    fires = page | {"fires": True}
    names = ("AvailabilityBudgetBurn", "LatencyBudgetBurn", "ProxyBudgetBurn")
    few = (predicted(BLUE, 0.8, 0.8), timed(BLUE, 0.1, 1.5), proxied(0.8, 0.8))
    enough = (predicted(BLUE, 1.3, 1.2), timed(BLUE, 1.3, 1.2), proxied(1.3, 1.2))
    healthy = (predicted(BLUE, 10, 0), timed(BLUE, 10, 0), proxied(10, 0))
    bad = (predicted(GREEN, 5, 60), timed(GREEN, 5, 60), proxied(5, 60))
    for name, rare, some, good, failing in zip(names, few, enough, healthy, bad, strict=True):
        yield Case(name, "too few", rare, **page)
        yield Case(name, "enough", some, **fires)
        over = {k: _ended(v, 60) for k, v in failing.items()}
        yield Case(name, "over", good | over, **page)
        yield Case(name, "over, but a moment ago", good | over, **fires | {"at": "66m"})
        elsewhere = {k.replace("prod", "qa"): v for k, v in failing.items()}
        yield Case(name, "elsewhere", good | elsewhere, **page)
        new = _renamed(failing)
        yield Case(name, "before the first scrape", good | late(new, 71, 5), **fires)
        times = 300 if name.startswith("Latency") else 2000
        many = {k: v.replace("+10x", f"+{times}x") for k, v in good.items()}
        brief = {k: f"0x70 {v}" for k, v in _renamed(failing, "brief").items()}
        yield from _before(name, page, {"long": good | over, "short": many | brief}, new)
    yield from _others(names, healthy, bad)


def _before(
    name: str, page: dict[str, Any], burning: dict[str, Series], new: Series
) -> Iterator[Case]:
    """Yield cases where only one window burns, and old errors must not count in the other."""
    # A new Prometheus sees counters that rose long ago; so does one after a worker's restart.
    unseen = {k: v if "start" in k else f"_x73 {v}" for k, v in past(new).items()}
    again = {k: "1x73 4400x9" if "start" in k else v for k, v in past(new).items()}
    for window, series in burning.items():
        yield Case(name, f"{window}, before Prometheus looked", series | unseen, **page)
        yield Case(name, f"{window}, before a restart", series | again, **page)


def _others(
    names: Sequence[str], healthy: Sequence[Series], bad: Sequence[Series]
) -> Iterator[Case]:
    page = {**PAGED, "window": "1h", "at": "75m", "fires": False}
    fires = page | {"fires": True}
    shadow = predicted(SHADOW, 0, 90) | timed(SHADOW, 0, 90) | timed(BLUE, 0, 90, "503")
    both = predicted(BLUE, 10, 0, "422") | timed(BLUE, 10, 0)
    canary = predicted(GREEN, 5, 5) | timed(GREEN, 5, 5)
    for name in names[:2]:
        yield Case(name, "of a shadow, or a fast 503", both | shadow, **page)
        yield Case(name, "of a canary", both | canary, **fires)
    yield Case(names[0], "of the caller", predicted(BLUE, 10, 90, "422"), **page)
    metrics = proxied(10, 0) | proxied(0, 90, "metrics")
    yield Case(names[2], "on the port of the metrics", metrics, **page)
    jobs = {
        k.replace('job="', 'job="other-').replace('instance="', 'instance="o'): v
        for series in bad
        for k, v in series.items()
    }
    for name, good in zip(names, healthy, strict=True):
        yield Case(name, "of another job", good | jobs, **page)


def past(series: Series) -> Series:
    """Return counters that have risen once and rise no more."""
    found = {}
    for name, value in series.items():
        first, _, each = value.partition("x")[0].partition("+")
        found[name] = f"{float(first) + 500 * float(each):g}+0x{LONG}"
    return found


def _renamed(series: Series, name: str = "new") -> Series:
    return {k.replace('instance="', f'instance="{name}'): v for k, v in series.items()}


def _ended(values: str, samples: int) -> str:
    first, _, each = values.removesuffix(f"x{LONG}").partition("+")
    return f"{values.removesuffix(str(LONG))}{samples} " + (
        f"{float(first) + samples * float(each):g}+0x{LONG}"
    )


def traffic() -> Iterator[Case]:
    """Yield the cases of what is not there."""
    ended = [{k: _ended(v, 90) for k, v in predicted(BLUE, n, 0).items()} for n in (5, 1.5, 1)]
    yield Case("NoTraffic", "any more", ended[0], "160m", True)
    yield Case("NoTraffic", "where there was some", ended[1], "160m", True)
    yield Case("NoTraffic", "as ever", ended[2], "160m", False)
    yield Case("NoTraffic", "but a little", predicted(BLUE, 0.1, 0), "4h", False)
    yield Case("NoTraffic", "but of a shadow", ended[0] | predicted(SHADOW, 5, 0), "160m", True)
    yield Case("NoTraffic", "for days", ended[0], "4d", False, step=HALF_HOUR)


def targets() -> Iterator[Case]:
    """Yield the cases of pods that do not answer Prometheus, or that it does not know."""
    down, up, page = f"up{{{BLUE}}}", rising(0, 1), PAGED
    other = down.replace('"b"', '"c"')
    yield Case("ServiceDown", "all pods", {down: rising(0)}, "3m", True, **page)
    yield Case("ServiceDown", "a moment", {down: "1x2 0x100"}, "3m", False, **page)
    yield Case("ServiceDown", "one of two", {down: rising(0), other: up}, "3m", False, **page)
    yield Case("ServiceDown", "but a canary", {down: rising(0), f"up{{{GREEN}}}": up}, "3m", True,
               **page)  # fmt: skip
    shadow = {down: rising(0), f"up{{{SHADOW}}}": up}
    yield Case("ServiceDown", "but a shadow", shadow, "3m", True, **page)
    yield Case("ServiceDown", "elsewhere", {f"up{{{ELSEWHERE}}}": rising(0), down: up}, "3m", False,
               **page)  # fmt: skip
    yield Case("ServiceDown", "the proxy", {f"up{{{PROXY}}}": rising(0), down: up}, "3m", False,
               **page)  # fmt: skip
    vanished = "TargetsVanished"
    yield Case(
        vanished, "all", {f"up{{{PROXY}}}": up, f"up{{{ELSEWHERE}}}": up}, "3m", True, **page
    )
    yield Case(vanished, "but a canary", {f"up{{{GREEN}}}": up}, "3m", True, **page)
    yield Case(vanished, "but a shadow", {f"up{{{SHADOW}}}": up}, "3m", True, **page)
    yield Case(vanished, "a moment", {down: "1x2 stale"}, "3m", False, **page)
    yield Case(vanished, "none", {down: rising(0)}, "9m", False, **page)
    yield Case("TargetDown", "one", {down: rising(0), other: up}, "6m", True)
    yield Case("TargetDown", "for minutes", {down: rising(0)}, "4m", False)
    yield Case("TargetDown", "a shadow", {f"up{{{SHADOW}}}": rising(0), down: up}, "9m", False)
    yield Case("TargetDown", "elsewhere", {f"up{{{ELSEWHERE}}}": rising(0)}, "9m", False)
    yield Case("TargetDown", "the proxy", {f"up{{{PROXY}}}": rising(0)}, "9m", False)


def pods() -> Iterator[Case]:
    """Yield the cases of pods."""
    start = f"bentoml_service_start_time_seconds{{{BLUE}}}"
    page = PAGED
    yield Case("CrashLoop", "three", {start: "1x2 2x2 3x2 4x2"}, "11m", True, **page)
    yield Case("CrashLoop", "two", {start: "1x2 2x2 3x9"}, "8m", False, **page)
    yield Case("CrashLoop", "seldom", {start: "1x2 2x10 3x10 4x10"}, "26m", False, **page)
    for labels in (ELSEWHERE, PROXY):
        other = f"bentoml_service_start_time_seconds{{{labels}}}"
        yield Case("CrashLoop", labels, {other: "1x2 2x2 3x2 4x2"}, "11m", False, **page)
    for labels, number, at, fires in (
        (BLUE, 40, "6m", True), (BLUE, 30, "6m", False), (BLUE, 40, "4m", False),
        (SHADOW, 40, "6m", False), (ELSEWHERE, 40, "6m", False), (PROXY, 40, "6m", False),
    ):  # fmt: skip
        queue = {"waiting": number, "size": 64}
        series = {f"bentoml_service_queue_{k}{{{labels}}}": rising(0, v) for k, v in queue.items()}
        yield Case("QueueFilling", f"{number} {labels}", series, at, fires)
    log, lost = "bentoml_service_request_log_total", 'outcome="dropped"'
    alert, kept = "RequestLogDropping", {f'{log}{{{BLUE},outcome="written"}}': rising(50)}
    old = {f"bentoml_service_start_time_seconds{{{BLUE}}}": rising(0, 1)}
    yield Case(alert, "lines", kept | old | {f"{log}{{{BLUE},{lost}}}": "0x30 5x9"}, "32m", True)
    yield Case(
        alert, "long ago", kept | old | {f"{log}{{{BLUE},{lost}}}": "0x3 5x90"}, "32m", False
    )
    yield Case(alert, "no line", kept | old | {f"{log}{{{BLUE},{lost}}}": "0x90"}, "32m", False)
    for labels in (SHADOW, ELSEWHERE, PROXY):
        lines = {f"{log}{{{labels},{lost}}}": "0x30 5x9"}
        yield Case(alert, labels, kept | old | lines, "32m", False)
    burst = late({f"{log}{{{BLUE},{lost}}}": rising(1)} | old, 30, 5)
    yield Case(alert, "before the first scrape", burst, "32m", True)
    dropped, start = f"{log}{{{BLUE},{lost}}}", next(iter(old))
    yield Case(alert, "before Prometheus looked", old | {dropped: "_x30 5x9"}, "32m", False)
    yield Case(alert, "before a restart", {start: "1x30 1810x9", dropped: "5x90"}, "32m", False)


def model() -> Iterator[Case]:
    """Yield the cases of the model and its data."""
    alarm = 'mlops_drift_alarm{environment="prod"}'
    yield Case("Drift", "found", {alarm: "0 1 1"}, "2m", True)
    yield Case("Drift", "not found", {alarm: "0 0 0"}, "2m", False)
    yield Case("Drift", "elsewhere", {alarm.replace("prod", "qa"): "1 1 1"}, "2m", False)
    end = 'mlops_drift_window_end_seconds{environment="prod"}'
    day: dict[str, Any] = {"step": DAY}
    yield Case("DriftUnchecked", "for 9 days", {end: "1x20"}, "9d", True, **day)
    yield Case("DriftUnchecked", "for 7 days", {end: "1x20"}, "7d", False, **day)
    yield Case(
        "DriftUnchecked", "elsewhere", {end.replace("prod", "qa"): "1x20"}, "9d", False, **day
    )
    created = f"bentoml_service_model_created_time_seconds{{{BLUE}}}"
    yield Case("StaleModel", "of 91 days", {created: "1x200"}, "91d", True, **day)
    yield Case("StaleModel", "of 89 days", {created: "1x200"}, "89d", False, **day)
    yield Case("StaleModel", "not deployed", {created: "0x200"}, "91d", False, **day)
    for labels in (GREEN, SHADOW, ELSEWHERE, PROXY):
        other = f"bentoml_service_model_created_time_seconds{{{labels}}}"
        yield Case("StaleModel", labels, {other: "1x200"}, "91d", False, **day)
    up, page = rising(0, 1), PAGED
    for labels, at, fires in (
        (GREEN, "48m", True), (GREEN, "46m", False), (BLUE, "48m", False), (SHADOW, "48m", False),
        (GREEN.replace("prod", "qa"), "48m", False),
        (GREEN.replace("model-server", "other"), "48m", False),
    ):  # fmt: skip
        yield Case("CanaryUnattended", labels, {f"up{{{labels}}}": up}, at, fires, **page)
    yield Case("DeadMansSwitch", "always", {}, "1m", True, severity="none")


CASES = [*burning(), *traffic(), *targets(), *pods(), *model()]


def made(params: Params, step: int) -> dict[str, Any]:
    """Return the rules of prod, evaluated each step."""
    return rules.groups(params, replace(rules.windows(params), tick=float(step)))


def relevant(groups: dict[str, Any], alert: str, window: str) -> dict[str, Any]:
    """Return the rule of an alert, and those that record what it reads."""
    found = [one for group in groups["groups"] for one in group["rules"]]
    kept = [
        one
        for one in found
        if one.get("alert") == alert and one["labels"].get("window", "") == window
    ]
    for one in reversed(found):
        name = one.get("record")
        if name and any(f"{name}{{" in other["expr"] for other in kept):
            kept.insert(0, one)
    interval = groups["groups"][0]["interval"]
    return {"groups": [{"name": alert, "interval": interval, "rules": kept}]}


def run(folder: Path, groups: dict[str, Any], cases: Sequence[Case]) -> tuple[bool, str]:
    """Run cases of one step by promtool; return whether they hold, and what it says."""
    (folder / "rules.yml").write_text(yaml.safe_dump(groups))
    test = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": f"{cases[0].step}s",
        "tests": [one.test for one in cases],
    }
    (folder / "test.yml").write_text(yaml.safe_dump(test, sort_keys=False))
    done = subprocess.run(
        ["promtool", "test", "rules", "test.yml"],
        cwd=folder, text=True, capture_output=True, check=False,
    )  # fmt: skip
    return done.returncode == 0, done.stdout + done.stderr
