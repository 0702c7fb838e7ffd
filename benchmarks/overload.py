"""What becomes of the answers at three times what a server can do?"""

from pathlib import Path

from contenders import Contender
from load import Flood, flood, press, written
from server import serving
from table import Section

MANY = 32
TIMES = 3
BUSY = (429, 503)


def measure(
    contenders: dict[str, tuple[Contender, list[str]]], seconds: int, work: Path
) -> list[Section]:
    """Find each server's capacity, then send three times as much."""
    rows: list[tuple[str, ...]] = []
    for name, (contender, texts) in contenders.items():
        bodies = written(work / "bodies.jsonl", map(contender.body, texts))
        with serving(contender, work / "server.log") as server:
            press(server.url, bodies, MANY, max(1, seconds // 4))
            capacity = press(server.url, bodies, MANY, max(1, seconds // 2))
            rate = max(1.0, TIMES * capacity.per_second)
            found = flood(server.url, bodies, rate, seconds)
            after = press(server.url, bodies, MANY, max(1, seconds // 2))
        rows.append((
            name, f"{capacity.per_second:.0f}", f"{capacity.p99:.0f}", *flooded(found),
            f"{after.per_second:.0f}",
        ))  # fmt: skip
    head = (
        "server", "capacity, requests/s", "p99, ms", "sent/s", "answered/s", "their p50, ms",
        "their p99, ms", "429 and 503", "other", "no answer", "requests/s afterwards",
    )  # fmt: skip
    notes = [
        f"Capacity: wrk with {MANY} connections. Then h2load sends {TIMES} times as much for "
        f"{seconds} s over 512 connections, on the same machine: it takes cores from the server.",
        "h2load does not ask again on a connection before it is answered: a server that keeps all "
        "waiting is sent less.",
    ]
    return [Section("Overload", head, rows, notes)]


def flooded(found: Flood) -> tuple[str, ...]:
    """Return the cells of a flood."""
    total = sum(found.statuses.values())
    busy = sum(found.statuses.get(status, 0) for status in BUSY)
    silent = found.statuses.get(-1, 0)
    good = len(found.good)
    return (
        f"{found.sent:.0f}",
        f"{good / found.seconds:.0f}",
        f"{share(found.good, 0.5):.0f}",
        f"{share(found.good, 0.99):.0f}",
        f"{busy / total:.0%}",
        str(total - busy - silent - good),
        str(silent),
    )


def share(values: list[float], part: float) -> float:
    """Return the value that this part of the sorted values does not exceed."""
    return values[min(len(values) - 1, int(part * len(values)))] if values else float("nan")
