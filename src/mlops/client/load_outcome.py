"""What a load test found, against what the service must hold."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mlops.config.operating import LoadTest
from mlops.core.checks import Check, at_most

# A generator that sends fewer has asked less than was wanted.
RATE_KEPT = 0.9
RATE, ERRORS, LATENCY = "rate", "errors, share", "latency, p99 ms"
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "max": 1.0}
# Of the generator's machine, not of the service.
OWN_LIMIT = "Too many open files"

# When a request was due, sent and over, in seconds of one clock; why it failed, or nothing.
Record = tuple[float, float, float, str]


@dataclass(frozen=True)
class Outcome:
    """Requests, those without a prediction, and milliseconds by quantile, all of them exact."""

    requests: int
    failures: int
    milliseconds: dict[str, float]  # from when a request was due, failed ones included
    since_sent: dict[str, float]  # the same from when it was sent
    generator_late: dict[str, float]  # from when it was due to when it was sent
    reasons: dict[str, int]  # what failed, how often
    seconds: float  # from the first request to the last

    def checks(self, wanted: LoadTest) -> Iterator[Check]:
        """Yield the criteria."""
        rate = (self.requests - 1) / self.seconds if self.seconds else 0.0
        goal = f"{wanted.rate}/s for {wanted.seconds} s"
        yield Check(RATE, rate >= RATE_KEPT * wanted.rate, f"{rate:.1f}/s", goal)
        share = self.failures / self.requests if self.requests else 1.0
        yield at_most(ERRORS, share, wanted.max_error_share)
        yield at_most(LATENCY, self.milliseconds.get("p99", math.inf), wanted.max_p99_ms)

    def doubt(self, wanted: LoadTest) -> str:
        """Return why what is missed says nothing about the service; nothing where it does.

        The schedule waits for no answer, so only the generator's own machine can be late: for the
        rate, or for a latency that would hold if it counted from when the requests were sent.
        """
        missed = {check.criterion: check for check in self.checks(wanted) if not check.passed}
        late = self.generator_late.get("p99", 0.0)
        sent = self.since_sent.get("p99", math.inf)
        excuses = {
            RATE: f"the load generator sent {missed[RATE].found} of {missed[RATE].wanted}"
            if RATE in missed else "",
            ERRORS: "the load generator had too many open files (ulimit -n)"
            if any(OWN_LIMIT in reason for reason in self.reasons) else "",
            LATENCY: f"the load generator was late by {late:.0f} ms (p99); from when the requests "
            f"were sent the p99 is {sent:.0f} ms"
            if sent <= wanted.max_p99_ms else "",
        }  # fmt: skip
        found = [excuses[name] for name in missed]
        return "; ".join(found) if all(found) else ""


def of(records: Iterable[Record]) -> Outcome:
    """Return what the records of all requests come to."""
    rows = list(records)
    due, sent, ended, reasons = zip(*rows, strict=True) if rows else ((), (), (), ())
    failed = [reason for reason in reasons if reason]
    return Outcome(
        requests=len(rows),
        failures=len(failed),
        milliseconds=quantiles(due, ended),
        since_sent=quantiles(sent, ended),
        generator_late=quantiles(due, sent),
        reasons=dict(Counter(failed).most_common()),
        seconds=max(sent) - min(sent) if rows else 0.0,
    )


def quantiles(begun: Sequence[float], ended: Sequence[float]) -> dict[str, float]:
    """Return the smallest milliseconds that each share of the requests does not exceed."""
    took = sorted(1000 * (end - start) for start, end in zip(begun, ended, strict=True))
    return {
        name: round(took[math.ceil(share * len(took)) - 1], 3)
        for name, share in QUANTILES.items()
        if took
    }
