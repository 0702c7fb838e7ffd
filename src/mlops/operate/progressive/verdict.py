"""Whether a version does as well as the one it shall replace, by the same minutes of traffic.

Each question has three answers. *Bad* needs proof: the lower bound of the difference exceeds what
may be. *Good* needs enough requests, and a difference within what may be. All else is unknown, and
unknown is never good.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from mlops.config.operating import Canary, Objectives
from mlops.operate.progressive import counts, intervals
from mlops.operate.progressive.counts import Counts
from mlops.operate.progressive.intervals import Interval, Part

Answer = Literal["good", "bad", "unknown"]
Z = intervals.z_of(0.999)  # of each look: there are many, and one must not abort by chance
REFUSED = "refused requests"  # mostly the clients' fault: how many there are says nothing
LOST = 1e-4  # how unlikely too few answers must be


@dataclass(frozen=True)
class Finding:
    """What one question has found."""

    name: str
    answer: Answer
    text: str


@dataclass(frozen=True)
class Criteria:
    """What a version must hold, compared with what is live."""

    objectives: Objectives
    canary: Canary
    allow_shift: bool = False

    def findings(self, canary: Counts, stable: Counts) -> Iterator[Finding]:
        """Yield what is found of errors, latency, refusals and predictions."""
        errors, late = 1 - self.objectives.availability, 1 - self.objectives.latency_share
        proxied = bool(stable.proxied)
        yield self._compare("errors", _failed(canary, proxied), _failed(stable, proxied), errors)
        yield self._compare(
            "errors told by the pods",
            counts.failed(canary.by_pods), counts.failed(stable.by_pods), errors,
        )  # fmt: skip
        yield self._compare(
            f"slower than {self.objectives.latency_seconds:g} s",
            counts.slow(canary.seconds), counts.slow(stable.seconds), late,
        )  # fmt: skip
        if proxied:
            yield self._compare(
                f"slower than {self.objectives.latency_seconds:g} s at the proxy",
                counts.slow(canary.proxied_seconds), counts.slow(stable.proxied_seconds), late,
            )  # fmt: skip
        yield self._compare(
            REFUSED,
            counts.refused(canary.by_pods), counts.refused(stable.by_pods),
            self.canary.max_refused,
        )  # fmt: skip
        yield self._shift(canary.by_class, stable.by_class)

    def _compare(self, name: str, canary: Part, stable: Part, most: float) -> Finding:
        found = intervals.difference(canary, stable, Z)
        text = (
            f"{name}: {_percent(canary)} of {canary.rows} against {_percent(stable)} of "
            f"{stable.rows}"
        )
        if canary.rows and stable.rows and found.low > most:
            return Finding(name, "bad", f"{text}; {_by(found, most)}")
        if few := self._few(canary.rows, stable.rows):
            return Finding(name, "unknown", f"{text}; {few}")
        if name != REFUSED and intervals.share(canary, Z).low > most:
            return Finding(name, "unknown", f"{text}; both have too many")
        if found.value > most:
            return Finding(name, "unknown", f"{text}; not sure yet: {_by(found, most)}")
        return Finding(name, "good", text)

    def _shift(self, canary: dict[str, int], stable: dict[str, int]) -> Finding:
        name, most = "prediction shift", self.canary.max_shift
        rows = sum(canary.values()), sum(stable.values())
        found = intervals.shift(canary, stable, Z)
        text = f"{name}: {found.value:.3f} (at least {found.low:.3f}), of {rows[0]} and {rows[1]}"
        if few := self._few(*rows):
            bad = all(rows) and found.low > most and not self.allow_shift
            return Finding(name, "bad" if bad else "unknown", f"{text}; {few}")
        if found.value <= most:
            return Finding(name, "good", text)
        if self.allow_shift:
            return Finding(name, "good", f"{text}; more than {most:g} was allowed")
        answer: Answer = "bad" if found.low > most else "unknown"
        return Finding(name, answer, f"{text}; at most {most:g} (canary.max_shift)")

    def _few(self, canary: int, stable: int) -> str:
        least = self.canary.min_requests
        return f"fewer than {least} (canary.min_requests)" if min(canary, stable) < least else ""


def arrived(canary: Counts, stable: Counts, weight: int) -> Finding:
    """Return whether a version answers as often as its weight lets requests come to it.

    What hangs counts nothing: neither an error nor a latency.
    """
    proxied = bool(stable.proxied)
    if not proxied and not canary.requests:  # gone from Prometheus, which says nothing of answers
        return Finding("answers", "unknown", "the version is not scraped any more")
    mine, other = _failed(canary, proxied).rows, _failed(stable, proxied).rows
    answered = Part(mine, mine + other)
    text = f"answers: {mine} of {answered.rows}, where {weight} % of the requests go to it"
    bad = answered.rows > 0 and intervals.too_few(answered, weight / 100) < LOST
    return Finding("answers", "bad" if bad else "good", text)


def _failed(found: Counts, proxied: bool) -> Part:
    return counts.failed(found.by_proxy if proxied else found.by_pods)


def _percent(part: Part) -> str:
    return f"{part.share:.2%}"


def _by(found: Interval, most: float) -> str:
    return f"{found.value:+.2%} (at least {found.low:+.2%}), at most {most:+.2%}"
