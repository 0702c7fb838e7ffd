"""What outputs tell of the values that they were made with, as far as they record any."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Values = Mapping[str, Any]
Records = Mapping[str, Any]

SOURCE, DATA, HISTORY = "data/raw/source.json", "reports/data.json", "reports/history.json"


def contradictions(values: Values, records: Records) -> list[str]:
    """Return what the records say otherwise than the values; what either lacks is not judged."""
    found: list[str] = []
    for rule in RULES:
        try:
            found += rule(values, records)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            continue  # a project records what it likes
    return found


def rows(values: Values, records: Records) -> Iterator[str]:
    """Look whether the synthetic corpus, or the source, has as many rows as was asked for."""
    source = records[SOURCE]
    paths = [values[f"data.{role}_path"] for role in ("train", "val", "test")]
    if source["synthetic"] != ("synthetic" in paths):
        yield differ(SOURCE, "synthetic", source["synthetic"], "data.train_path", values)
    if paths == ["synthetic", None, None]:
        found = sum(source["rows"].values())
        if found != values["data.synthetic_rows"]:
            yield differ(SOURCE, "rows", found, "data.synthetic_rows", values)


def pinned(values: Values, records: Records) -> Iterator[str]:
    """Look whether the remote files are those that were pinned."""
    for role, pin in records[SOURCE]["pinned"].items():
        if pin["fingerprint"] != values[f"snapshot.{role}"]:
            what = f"{role}.fingerprint"
            yield differ(SOURCE, what, pin["fingerprint"], f"snapshot.{role}", values)


def found(values: Values, records: Records) -> Iterator[str]:
    """Look whether the rows that were prepared are those of the source."""
    for split, count in records[SOURCE]["rows"].items():
        seen = records[DATA]["splits"][split]["found"]
        if seen != count:
            yield f"{DATA} has found {seen} rows in {split}, {SOURCE} has {count}"


def policy(values: Values, records: Records) -> Iterator[str]:
    """Look whether the sample is the one that was asked for."""
    for name in ("sample", "max_rows"):
        if records[DATA][name] != values[f"prepare.{name}"]:
            yield differ(DATA, name, records[DATA][name], f"prepare.{name}", values)


def epochs(values: Values, records: Records) -> Iterator[str]:
    """Look whether it was trained as often as was asked for."""
    last, asked = round(records[HISTORY]["val"][-1]["epoch"], 2), values["training.epochs"]
    if last > asked or (last < asked and not values["training.early_stopping"]):
        yield differ(HISTORY, "epochs", last, "training.epochs", values)


def rate(values: Values, records: Records) -> Iterator[str]:
    """Look whether the curve of the learning rate is the asked for, and not a multiple of it.

    Another form of the curve is a schedule of the project's own.
    """
    first = records[HISTORY]["val"][0]
    total = round(first["step"] / first["epoch"]) * values["training.epochs"]
    warmup = math.ceil(total * values["training.warmup"])
    found = []
    for point in records[HISTORY]["train"]:
        share = scheduled(values["training.schedule"], point["step"] - 1, (warmup, total))
        if share > 0.05:  # the figures are rounded
            found.append(point["learning_rate"] / share)
    steady = max(found) < 1.02 * min(found)
    if steady and not math.isclose(max(found), values["training.learning_rate"], rel_tol=0.03):
        yield differ(HISTORY, "a rate of", f"{max(found):.3g}", "training.learning_rate", values)


def scheduled(schedule: str, step: float, bounds: tuple[int, int]) -> float:
    """Return the share of the learning rate at a step, as transformers schedules it."""
    warmup, total = bounds
    if step < warmup:
        return step / warmup
    done = (step - warmup) / max(1, total - warmup)
    curves: dict[str, Callable[[], float]] = {
        "linear": lambda: 1 - done,
        "cosine": lambda: 0.5 * (1 + math.cos(math.pi * done)),
        "constant": lambda: 1.0,
    }
    return curves[schedule]()


def differ(record: str, what: str, found: Any, key: str, values: Values) -> str:
    """Say that a record has something else than a value."""
    return f"{record} says {what} {found}, {key} is {values[key]}"


RULES = (rows, pinned, found, policy, epochs, rate)
