"""What a service did at each rate, and the knee: the highest rate at which it holds its bounds."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlops.client import load_outcome
from mlops.client.load_outcome import Record
from mlops.config.operating import LoadTest

MOST_LATE = 1.0  # milliseconds, the median: a later generator measures itself
PRECISION = 1.1  # the knee lies between two rates that are no further apart
REFUSED = "status 503"


@dataclass(frozen=True)
class Row:
    """What was found at one rate."""

    rate: int  # requests a second that were offered
    requests: int  # without those of the warm-up
    milliseconds: dict[str, float]  # from when a request was due, failed ones included
    refused: float  # share that got 503
    errors: float  # share without a prediction for any other reason
    late: float | None  # milliseconds, the median from when a request was due to when it was sent
    invalid: str  # why this says nothing about the service, or nothing
    held: bool  # the bounds; never where it is invalid
    busy: float | None = None  # seconds of prediction per second, of all threads; None: unknown


@dataclass(frozen=True)
class Knee:
    """The highest rate that held, and the lowest above it that did not."""

    rate: int | None  # None: none held
    above: int | None  # None: none was offered that did not hold
    reason: str  # why the knee is not known, or nothing


def row(rate: int, records: Sequence[Record], wanted: LoadTest, busy: float | None = None) -> Row:
    """Return what requests at a rate come to, once the warm-up is over."""
    first = min((due for due, *_ in records), default=0.0) + wanted.warmup_seconds
    found = load_outcome.of(record for record in records if record[0] >= first)
    refused = found.reasons.get(REFUSED, 0)
    failed = found.failures / found.requests if found.requests else 1.0
    slow = not found.milliseconds.get("p99", math.inf) <= wanted.max_p99_ms
    missed = slow or not failed <= wanted.max_error_share
    late = found.generator_late.get("p50")
    invalid = ""
    if late is None:
        invalid = "no request after the warm-up"
    elif not late <= MOST_LATE:
        invalid = f"generator late by {late:.1f} ms (median)"
    elif any(load_outcome.OWN_LIMIT in reason for reason in found.reasons):
        invalid = "generator out of open files (ulimit -n)"
    elif slow and found.since_sent["p99"] <= wanted.max_p99_ms:
        invalid = f"generator late by {found.generator_late['p99']:.1f} ms (p99)"
    share = refused / found.requests if found.requests else 0.0
    return Row(
        rate, found.requests, found.milliseconds, share, failed - share, late, invalid,
        not missed and not invalid, busy,
    )  # fmt: skip


def search(rates: Sequence[int], measure: Callable[[int], Row]) -> list[Row]:
    """Measure rising rates until two in a row do not hold, then halve the gap around the knee."""
    rows: list[Row] = []
    for rate in rates:
        rows.append(measure(rate))
        if not any(one.held for one in rows[-2:]) and len(rows) > 1:
            break
    while middle := _middle(knee(rows)):
        rows.append(measure(middle))
    return sorted(rows, key=lambda one: one.rate)


def knee(rows: Sequence[Row]) -> Knee:
    """Return the highest rate that held; it is the knee where a higher one is known not to hold."""
    held = max((one.rate for one in rows if one.held), default=None)
    above = min((one for one in rows if one.rate > (held or 0)), key=lambda one: one.rate,
                default=None)  # fmt: skip
    if held is None:
        doubt = next((one.invalid for one in rows if one.invalid), "")
        why = f"no rate holds; at {rows[0].rate}/s: {doubt}" if doubt else "no rate holds"
        return Knee(None, above.rate if above else None, why)
    if above is None:
        return Knee(held, None, "no higher rate was offered; add some to load_test.sweep_rates")
    reason = f"nothing is known of {above.rate}/s: {above.invalid}" if above.invalid else ""
    return Knee(held, above.rate, reason)


def _middle(found: Knee) -> int | None:
    if not found.rate or not found.above or found.above <= found.rate * PRECISION:
        return None
    middle = round(math.sqrt(found.rate * found.above))
    return middle if found.rate < middle < found.above else None
