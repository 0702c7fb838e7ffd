"""Compare windows with the reference; one that is too small for it says so."""

from collections.abc import Mapping, Sequence

from mlops.config.operating import Drift
from mlops.operate.drift import decision, estimate, rows
from mlops.operate.drift.result import Result
from mlops.operate.drift.rows import Rows
from mlops.operate.drift.source import Window

REQUESTS = 50  # fewer, however many texts they hold, do not show how sure a figure is


def check_all(
    windows: Sequence[Window], before: Rows, drift: Drift, known: Mapping[str, list[str]]
) -> tuple[Result, dict[str, list[str]]]:
    """Return the newest window, and what each window exceeds, by its start.

    Of the earlier ones only those are compared that nobody has compared yet.
    """
    *earlier, last = windows
    waiting = [one for one in earlier if one.start.isoformat() not in known]
    newest = check(last, before, drift)
    results = [*(check(window, before, drift) for window in waiting), newest]
    new = {one.start.isoformat(): one.exceeded for one in results if not one.too_few}
    return newest, {**known, **new}


def check(window: Window, before: Rows, drift: Drift) -> Result:
    """Return how far a window is from the reference."""
    count = window.table.num_rows
    if why := too_few(window, drift.min_rows):
        return Result(window.start, window.end, count, why)
    now = rows.from_table(rows.cap(window.table))
    found = estimate.estimate(before, now)
    return Result(
        start=window.start,
        end=window.end,
        rows=count,
        findings=tuple(decision.decide(found.known, drift)),
        unavailable=found.unavailable,
        moved=tuple(found.moved),
        now=now,
    )


def too_few(window: Window, least: int) -> str:
    """Return why a window says nothing, or nothing."""
    count = window.table.num_rows
    if count < least:
        return f"{count:,} texts, at least {least:,} are needed (drift.min_rows)"
    requests = len(window.table["request_id"].unique())
    return f"{requests:,} requests, at least {REQUESTS} are needed" if requests < REQUESTS else ""
