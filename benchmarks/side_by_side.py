"""How do servers of the same MiniLM-L6 compare, and ours with its engine alone?"""

import json
import subprocess
from pathlib import Path
from statistics import median
from typing import NamedTuple

import in_process
from commands import environment
from contenders import EXAMPLES, FASTAPI, OFFLINE, OURS, SINGLE, Contender
from load import press, written
from server import serving
from table import Section, at_least, at_most

MANY = 32
TIMES = 6.0  # as many requests as the docs' example
SLOWEST = 6.0  # ms, p50 at one connection
MEMORY = 350.0  # MB of our process
FASTER = 1.3  # as many requests as FastAPI
ENGINE = 0.95  # as many as the engine computes by itself
SPREAD = 10.0  # %, between starts
THREADS = 2
BATCHES = (1, 8)


class Pace(NamedTuple):
    """How long each server is measured."""

    rounds: int
    warm_up: int  # seconds
    one: int
    many: int
    times: int  # that many connections are opened anew: how they spread over workers is chance


FULL = Pace(rounds=5, warm_up=2, one=3, many=3, times=3)
QUICK = Pace(rounds=1, warm_up=1, one=1, many=1, times=1)


class Figures(NamedTuple):
    """What one start of a server gave."""

    one_per_second: float
    one_p50: float
    per_second: float
    least: float
    most: float
    p50: float
    p99: float
    bad: int
    cpu: float  # ms a request at many connections
    largest: float  # MB
    all: float
    first_answer: float


class Engine(NamedTuple):
    """Where our engine runs by itself: Python, the source and the exported model."""

    python: Path
    source: Path
    model: Path


def measure(
    contenders: list[Contender], texts: list[str], pace: Pace, work: Path, engine: Engine
) -> list[Section]:
    """Start, ask and end each by turns, so that a busy moment meets all."""
    alone: dict[int, list[float]] = {batch: [] for batch in BATCHES}
    found: dict[str, list[Figures]] = {contender.name: [] for contender in contenders}
    for _ in range(pace.rounds):
        for contender in contenders:
            found[contender.name].append(once(contender, texts, pace, work))
        for batch in BATCHES:
            alone[batch].append(compute(engine, texts, batch, pace.many))
    medians = {name: middle(figures) for name, figures in found.items()}
    head = (
        "server", "requests/s at 1", "p50 at 1, ms", f"requests/s at {MANY}", "p50, ms", "p99, ms",
        "not answered", "CPU, ms a request", "largest process, MB", "all, MB", "start, s",
    )  # fmt: skip
    notes = [
        f"Medians of {pace.rounds} starts by turns; wrk on the same machine: after a warm-up of "
        f"{pace.warm_up} s one connection for {pace.one} s, then {pace.times} times {MANY} new "
        f"connections for {pace.many} s (range over all of them).",
        f"{len(texts)} sentences of 20 tokens in turn; a worker computes on one thread, the docs' "
        "example as many as torch takes.",
        "Start: from the command to the first answer, for torch with warm file caches.",
    ]
    table = Section("MiniLM-L6, side by side", head, [line(*one) for one in medians.items()], notes)
    if OURS not in medians:
        return [table]
    computed = {batch: median(rates) for batch, rates in alone.items()}
    return [table, against_targets(medians, found[OURS], computed)]


def compute(engine: Engine, texts: list[str], batch: int, seconds: int) -> float:
    """Return texts per second of the engine in a process of its own, without HTTP."""
    command = [str(engine.python), in_process.__file__, str(engine.model)]
    done = subprocess.run(
        [*command, str(THREADS), str(batch), str(seconds)],
        input=json.dumps(texts), capture_output=True, text=True, check=True,
        env=environment(**OFFLINE, **SINGLE, PYTHONPATH=str(engine.source)),
    )  # fmt: skip
    return float(json.loads(done.stdout)["per_second"])


def once(contender: Contender, texts: list[str], pace: Pace, work: Path) -> Figures:
    """Start one server and take its figures."""
    bodies = written(work / "bodies.jsonl", map(contender.body, texts))
    with serving(contender, work / "server.log") as server:
        press(server.url, bodies, MANY, pace.warm_up)
        one = press(server.url, bodies, 1, pace.one)
        before = server.cpu()
        many = [press(server.url, bodies, MANY, pace.many) for _ in range(pace.times)]
        spent = server.cpu() - before
        largest, everything = server.memory()
        rates = [each.per_second for each in many]
        return Figures(
            one.per_second, one.p50, median(rates), min(rates), max(rates),
            median(each.p50 for each in many), median(each.p99 for each in many),
            one.bad + sum(each.bad for each in many),
            spent * 1000 / max(1.0, sum(rates) * pace.many), largest, everything,
            server.first_answer,
        )  # fmt: skip


def middle(figures: list[Figures]) -> Figures:
    """Return the medians, but of bad answers all, and the whole range of rates."""
    medians = Figures(*(median(values) for values in zip(*figures, strict=True)))
    return medians._replace(
        bad=sum(one.bad for one in figures),
        least=min(one.least for one in figures),
        most=max(one.most for one in figures),
    )


def line(name: str, figures: Figures) -> tuple[str, ...]:
    """Return the table's line of a server."""
    return (
        name,
        f"{figures.one_per_second:.0f}",
        f"{figures.one_p50:.1f}",
        f"{figures.per_second:.0f} ({figures.least:.0f} to {figures.most:.0f})",
        f"{figures.p50:.0f}",
        f"{figures.p99:.0f}",
        f"{figures.bad}",
        f"{figures.cpu:.1f}",
        f"{figures.largest:.0f}",
        f"{figures.all:.0f}",
        f"{figures.first_answer:.1f}",
    )


def against_targets(
    medians: dict[str, Figures], starts: list[Figures], computed: dict[int, float]
) -> Section:
    """Compare ours with what was to be reached."""
    ours = medians[OURS]
    example, tuned, fastapi = (
        ours.per_second / max(0.1, medians[name].per_second) for name in (*EXAMPLES, FASTAPI)
    )
    rates = [start.per_second for start in starts]
    spread = 100 * (max(rates) - min(rates)) / median(rates)
    engine_rows = []
    for batch, rate in computed.items():
        share = ours.per_second / rate
        what = f"requests/s, times the engine in-process, {THREADS} threads, batches of {batch}"
        engine_rows.append((what, f"{share:.2f}", f"≥ {ENGINE}", at_least(share, ENGINE)))
    rows = [
        ("requests/s, times the docs' example", f"{example:.1f}", "≥ 6", at_least(example, TIMES)),
        ("requests/s, times the docs' example on 2 workers of 1 thread", f"{tuned:.1f}", "", ""),
        ("requests/s, times FastAPI", f"{fastapi:.2f}", f"≥ {FASTER}", at_least(fastapi, FASTER)),
        ("requests/s, range between starts, % of the median", f"{spread:.0f}",
         f"≤ {SPREAD:.0f}", at_most(spread, SPREAD)),
        *engine_rows,
        ("p50 at one connection, ms", f"{ours.one_p50:.1f}", "≤ 6", at_most(ours.one_p50, SLOWEST)),
        ("resident memory of the process, MB", f"{ours.largest:.0f}", "≤ 350",
         at_most(ours.largest, MEMORY)),
    ]  # fmt: skip
    return Section("MiniLM-L6, targets", ("what", "measured", "target", "met"), rows)
