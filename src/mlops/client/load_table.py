"""A sweep as a table: for the terminal, and as Markdown for files and CI.

What a service or a variable says becomes no more than text.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

REPORT = Path("reports/load_sweep.json")
TABLE, PICTURE = REPORT.with_suffix(".md"), REPORT.with_suffix(".png")
HEAD = ("rate/s", "p50 ms", "p95 ms", "p99 ms", "refused", "errors", "late ms", "busy s/s", "")


def cells(row: Mapping[str, Any]) -> list[str]:
    """Return a row: the last cell says whether the service held its bounds at this rate."""
    took = [f"{row['milliseconds'].get(name, float('nan')):.1f}" for name in ("p50", "p95", "p99")]
    state = (
        f"invalid: {_plain(row['invalid'])}" if row["invalid"] else "ok" if row["held"] else "NO"
    )
    return [
        f"{row['rate']:d}", *took, f"{row['refused']:.2%}", f"{row['errors']:.2%}",
        _number(row["late"]), _number(row["busy"]), state,
    ]  # fmt: skip


def conclusion(found: Mapping[str, Any]) -> str:
    """Return in a sentence where the knee is, as far as it is known."""
    rate, above, reason = (found["knee"][name] for name in ("rate", "above", "reason"))
    bounds = found["objective"]
    held = f"p99 {bounds['max_p99_ms']:g} ms, errors {bounds['max_error_share']:.2%}"
    if rate is None:
        return f"knee unknown ({held}): {_plain(reason)}"
    if reason:
        return f"knee at least {rate:d}/s ({held}): {_plain(reason)}"
    return f"knee {rate:d}/s ({held}); {above:d}/s does not hold"


def markdown(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sweep as Markdown."""
    yield f"**Load sweep**: {conclusion(found)}\n"
    service, threads = found["service"], found["threads"]
    yield (
        f"Model {_code(service.get('model_sha256'))}, image {_code(found['image'])}; "
        f"{threads:d} predicting threads; load generator on {found['cores']:d} cores. "
        f"Poisson arrivals, {found['objective']['sweep_seconds']:d} s at each rate after "
        f"{found['objective']['warmup_seconds']:d} s of warm-up; latency from when a request was "
        "due.\n"
    )
    yield f"| {' | '.join(HEAD)} |"
    yield f"|{'--:|' * (len(HEAD) - 1)}---|"
    yield from (f"| {' | '.join(cells(row))} |" for row in found["rows"])
    yield ""
    yield f"{busy_line(found)}\n"


def busy_line(found: Mapping[str, Any]) -> str:
    """Return the line of the configuration that follows from the knee, or why there is none."""
    if found["busy_threads"] is not None:
        return f"deploy.busy_threads: {found['busy_threads']:.2f}"
    if found["knee"]["rate"] is None or found["knee"]["reason"]:
        return "no deploy.busy_threads follows: the knee is not known"
    return (
        "no deploy.busy_threads follows: /metrics at this address is not that of one server that "
        f"got these requests alone, with serving.workers: {found['threads']:d}; ask one directly"
    )


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"


def _plain(text: object) -> str:
    return re.sub(r"[^\w .,:;+%()/=-]", " ", str(text))[:200]


def _code(text: object) -> str:
    return (
        f"<code>{re.sub(r'[^A-Za-z0-9.:@/_-]', '', str(text))[:200]}</code>" if text else "unknown"
    )
