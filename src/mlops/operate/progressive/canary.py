"""A canary: a version gets a growing share of the traffic, and is judged at each step.

Whoever judges may die at any moment. The traffic stays divided then, until the next verb of a
deployment finds that nobody holds the lock any more.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mlops.config.schema import Params
from mlops.core.errors import OperateError
from mlops.deployment.mover import Arm, Mover, Split
from mlops.deployment.smoke_test import Pod
from mlops.operate.progressive import counts, verdict
from mlops.operate.progressive.counts import Counts
from mlops.operate.progressive.verdict import Criteria, Finding
from mlops.operate.prometheus import Prometheus

log = logging.getLogger(__name__)

PAUSE = 1.0  # seconds between two looks
SLACK = (
    120  # seconds that a step may take beside its traffic: Prometheus, the proxy, a slow machine
)
Look = Callable[[], Sequence[Finding]]


@dataclass(frozen=True)
class Canary:
    """Judges one version beside another."""

    mover: Mover
    prometheus: Prometheus
    params: Params
    stopped: Callable[[], str]  # who wants it to end, and why; nothing where nobody does
    allow_shift: bool = False

    def run(self, version: str, text: str, pod: Pod) -> str:
        """Judge a version that was started; return what was found, or raise OperateError."""
        live = self.mover.live()
        trial = Trial(self, version, text, (pod, *(live.pods if live else ())))
        trial.wait_for_prometheus()
        return "; ".join(trial.analyse(weight) for weight in self.params.canary.steps[:-1])


class Trial:
    """One version, at one weight after the other."""

    def __init__(self, canary: Canary, version: str, text: str, pods: Sequence[Pod]) -> None:
        self._canary, self._version, self._text = canary, version, text
        self._pods = [pod for pod in pods if not pod.ended()]  # one may have ended once, long ago
        self._arms: tuple[Arm, ...] = ()  # what is live and this version, once both are asked
        self._begun = datetime.now(UTC)
        params = canary.params
        self._criteria = Criteria(params.objectives, params.canary, canary.allow_shift)

    def wait_for_prometheus(self) -> None:
        """Wait without traffic until both versions are scraped: nobody judges what nobody sees."""
        seconds = self._canary.params.deploy.start_seconds
        self._divide(0, seconds)
        self._arms = self._canary.mover.arms()
        self._poll(seconds, lambda: [self._scraped(arm) for arm in self._arms])

    def analyse(self, weight: int) -> str:
        """Give the version a share of the traffic; return what was found when that is good."""
        seconds = self._canary.params.canary.step_seconds
        before = self._counts()
        self._divide(weight, seconds)
        log.info("version %s gets %d %% of the requests", self._version, weight)
        step = Step(weight, before, time.time())
        found = self._poll(seconds, lambda: step.look(self._counts(), self._criteria, self._at))
        log.info("%d %%: %s", weight, found)
        return f"{weight} %: {found}"

    def _divide(self, weight: int, seconds: float) -> None:
        deadline = datetime.now(UTC) + timedelta(seconds=seconds + SLACK)
        begun, end = (one.isoformat(timespec="seconds") for one in (self._begun, deadline))
        split = Split("canary", self._version, weight, begun, end)
        self._canary.mover.split(self._text, split)

    def _poll(self, seconds: float, look: Look) -> str:
        """Look until all is good; raise OperateError for what is bad, or unknown for too long."""
        deadline = time.monotonic() + seconds
        while True:
            self._check_alive()
            try:
                found = look()
            except OperateError as error:  # Prometheus does not answer
                found = [Finding("Prometheus", "unknown", str(error))]
            if bad := _texts(found, "bad"):
                raise OperateError(bad)
            unknown = _texts(found, "unknown")
            if found and not unknown:
                return _texts(found, "good")
            if time.monotonic() > deadline:
                raise OperateError(f"unknown after {seconds:g} s whether it is good: {unknown}")
            time.sleep(PAUSE)

    def _check_alive(self) -> None:
        """Raise OperateError where a version has ended, or somebody wants the canary to end."""
        if reason := self._canary.stopped():
            raise OperateError(reason)
        for pod in self._pods:
            if last_words := pod.ended():
                raise OperateError(f"{pod.name} ended: {last_words}")

    def _scraped(self, arm: Arm) -> Finding:
        """Return whether there are counts of a version: they begin with its first scrape."""
        series = counts.of_pods(arm)
        if self._canary.prometheus.value(f"count({series})"):
            return Finding("scraped", "good", f"version {arm.version} is scraped")
        return Finding(
            "scraped",
            "unknown",
            f"{self._canary.prometheus.url} does not scrape version {arm.version} (it has no "
            f"{series}); `make watch` starts one that does",
        )

    def _counts(self) -> tuple[Counts, Counts]:
        edge = self._canary.params.objectives.latency_seconds
        stable, canary = (counts.read(self._canary.prometheus, arm, edge) for arm in self._arms)
        return canary, stable

    def _at(self) -> float:
        return counts.scraped_at(self._canary.prometheus, self._arms[0]) or 0.0


class Step:
    """What one weight has shown so far."""

    def __init__(self, weight: int, before: tuple[Counts, Counts], begun: float) -> None:
        self._weight, self._before, self._begun = weight, before, begun
        self._divided: tuple[Counts, Counts] | None = None  # first scraped at this weight

    def look(
        self, now: tuple[Counts, Counts], criteria: Criteria, scraped: Callable[[], float]
    ) -> list[Finding]:
        """Return what the counts say now."""
        canary, stable = (one.since(old) for one, old in zip(now, self._before, strict=True))
        found = [*criteria.findings(canary, stable)]
        if self._divided:
            mine, other = (one.since(old) for one, old in zip(now, self._divided, strict=True))
            return [*found, verdict.arrived(mine, other, self._weight)]
        # What was scraped before has answers of the time before the weight.
        if scraped() > self._begun:
            self._divided = now
        return [*found, Finding("answers", "unknown", "no answers were counted at this weight")]


def _texts(found: Sequence[Finding], answer: str) -> str:
    return "; ".join(one.text for one in found if one.answer == answer)
