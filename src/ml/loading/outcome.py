"""What a load test found, against what the service must hold."""

from collections.abc import Iterator
from dataclasses import dataclass

from ml.config import LoadTest
from ml.gating.criteria import Check, at_most

# Users are late by a little. A service that cannot keep up loses far more than this.
RATE_KEPT = 0.9


@dataclass(frozen=True)
class Outcome:
    """Requests, those without a prediction, and milliseconds by quantile."""

    requests: int
    failures: int
    milliseconds: dict[str, float]
    reasons: dict[str, int]  # what failed, how often
    seconds: float  # from the first request to the last

    def checks(self, wanted: LoadTest) -> Iterator[Check]:
        """Yield the criteria."""
        rate = (self.requests - 1) / self.seconds if self.seconds else 0.0
        yield Check(
            "rate",
            rate >= RATE_KEPT * wanted.rate,
            f"{rate:.1f}/s",
            f"{wanted.rate}/s for {wanted.seconds} s",
        )
        share = self.failures / self.requests if self.requests else 1.0
        yield at_most("errors, share", share, wanted.max_error_share)
        yield at_most(
            "latency, p99 ms", self.milliseconds.get("p99", float("inf")), wanted.max_p99_ms
        )
