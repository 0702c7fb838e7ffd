"""How fast is the default model, and what do lists of texts gain?"""

import json
from collections.abc import Iterator
from pathlib import Path

from contenders import Contender
from load import Answers, press, written
from server import serving
from table import Section, at_least, at_most

MANY = 32
LIST = 64
LISTS = 4  # connections: two lists for each worker
RATE, SLOWEST, GAIN = 1000.0, 150.0, 1.3


def measure(
    contenders: dict[str, tuple[Contender, list[str]]], seconds: int, work: Path
) -> list[Section]:
    """Ask each model for single texts, then for lists of the same ones."""
    rows: list[tuple[str, ...]] = []
    for model, (contender, texts) in contenders.items():
        singles = written(work / "singles.jsonl", map(contender.body, texts))
        lists = written(work / "lists.jsonl", lists_of(texts))
        with serving(contender, work / "server.log") as server:
            press(server.url, singles, MANY, max(1, seconds // 4))
            one = press(server.url, singles, 1, max(1, seconds // 2))
            many = press(server.url, singles, MANY, seconds)
            listed = press(server.url, lists, LISTS, seconds)
            again = press(server.url, singles, MANY, seconds)
        rows += lines(model, one, many, targets=model == "default")
        # The mean of before and after, so that a machine that slows down meets both.
        rows += gained(model, (many.per_second + again.per_second) / 2, listed)
    notes = [
        f"wrk for {seconds} s each on the same machine, 2 workers of 1 thread, sentences of 20 "
        "tokens in turn.",
        f"Lists: {LIST} texts a request over {LISTS} connections, against single texts over {MANY} "
        "connections before and after.",
        "Single texts that wait share batches, so where the model's computing is nearly all of a "
        "request, as with MiniLM-L6, a list cannot gain much.",
    ]
    return [Section("Default model, lists", ("what", "measured", "target", "met"), rows, notes)]


def lists_of(texts: list[str]) -> Iterator[str]:
    """Give bodies of 64 texts, each beginning elsewhere."""
    for start in range(0, len(texts), 8):
        chosen = [texts[(start + offset) % len(texts)] for offset in range(LIST)]
        yield json.dumps({"texts": chosen}, ensure_ascii=False)


def lines(model: str, one: Answers, many: Answers, *, targets: bool) -> list[tuple[str, ...]]:
    """Return the table's lines on single texts; only the default model has targets here."""
    rows = [
        (f"{model}: p50 at 1 connection, ms", f"{one.p50:.1f}", "", ""),
        (f"{model}: requests/s at {MANY}", f"{many.per_second:.0f}", "≥ 1000",
         at_least(many.per_second, RATE)),
        (f"{model}: p99 at {MANY}, ms", f"{many.p99:.0f}", "≤ 150", at_most(many.p99, SLOWEST)),
        (f"{model}: errors", str(one.bad + many.bad), "0", at_most(one.bad + many.bad, 0)),
    ]  # fmt: skip
    return rows if targets else [(what, value, "", "") for what, value, _, _ in rows]


def gained(model: str, single: float, listed: Answers) -> list[tuple[str, ...]]:
    """Return the table's lines on lists."""
    texts, single = listed.per_second * LIST, max(1.0, single)
    return [
        (f"{model}: texts/s in lists of {LIST}", f"{texts:.0f}", "", ""),
        (f"{model}: the same, times single texts", f"{texts / single:.2f}", "≥ 1.3",
         at_least(texts / single, GAIN)),
        (f"{model}: errors in lists", str(listed.bad), "0", at_most(listed.bad, 0)),
    ]  # fmt: skip
