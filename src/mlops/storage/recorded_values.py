"""Compare the values that outputs record with those of the stage that made them."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Values = Mapping[str, Any]
Records = Mapping[str, Any]

SOURCE, DATA, HISTORY = "data/raw/source.json", "reports/data.json", "reports/history.json"


def find_contradictions(values: Values, records: Records) -> list[str]:
    """Return where the records differ from the values; what either lacks is not compared."""
    found: list[str] = []
    for rule in RULES:
        try:
            found += rule(values, records)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            continue  # a project records what it likes
    return found


def check_rows(values: Values, records: Records) -> Iterator[str]:
    """Check that the synthetic corpus, or the source, has as many rows as configured."""
    source = records[SOURCE]
    paths = [values[f"data.{role}_path"] for role in ("train", "val", "test")]
    if source["synthetic"] != ("synthetic" in paths):
        yield report(SOURCE, "synthetic", source["synthetic"], "data.train_path", values)
    if paths == ["synthetic", None, None]:
        found = sum(source["rows"].values())
        if found != values["data.synthetic_rows"]:
            yield report(SOURCE, "rows", found, "data.synthetic_rows", values)


def check_pins(values: Values, records: Records) -> Iterator[str]:
    """Check that the remote files are those that were pinned."""
    for role, pin in records[SOURCE]["pinned"].items():
        if pin["fingerprint"] != values[f"snapshot.{role}"]:
            what = f"{role}.fingerprint"
            yield report(SOURCE, what, pin["fingerprint"], f"snapshot.{role}", values)


def check_found(values: Values, records: Records) -> Iterator[str]:
    """Check that the rows that were prepared are those of the source."""
    for split, count in records[SOURCE]["rows"].items():
        seen = records[DATA]["splits"][split]["found"]
        if seen != count:
            yield f"{DATA} has found {seen} rows in {split}, {SOURCE} has {count}"


def check_sample(values: Values, records: Records) -> Iterator[str]:
    """Check that the sample is the configured one."""
    for name in ("sample", "max_rows"):
        if records[DATA][name] != values[f"prepare.{name}"]:
            yield report(DATA, name, records[DATA][name], f"prepare.{name}", values)


def check_epochs(values: Values, records: Records) -> Iterator[str]:
    """Check that it was trained for as many epochs as configured."""
    last, wanted = round(records[HISTORY]["val"][-1]["epoch"], 2), values["training.epochs"]
    if last > wanted or (last < wanted and not values["training.early_stopping"]):
        yield report(HISTORY, "epochs", last, "training.epochs", values)


def check_rate(values: Values, records: Records) -> Iterator[str]:
    """Check that the curve of the learning rate is the configured one, and not a multiple of it.

    Another form of the curve is a schedule of the project's own.
    """
    first = records[HISTORY]["val"][0]
    total = round(first["step"] / first["epoch"]) * values["training.epochs"]
    warmup = math.ceil(total * values["training.warmup"])
    found = []
    for point in records[HISTORY]["train"]:
        share = schedule_share(values["training.schedule"], point["step"] - 1, (warmup, total))
        if share > 0.05:  # the figures are rounded
            found.append(point["learning_rate"] / share)
    steady = max(found) < 1.02 * min(found)
    if steady and not math.isclose(max(found), values["training.learning_rate"], rel_tol=0.03):
        yield report(HISTORY, "a rate of", f"{max(found):.3g}", "training.learning_rate", values)


def schedule_share(schedule: str, step: float, bounds: tuple[int, int]) -> float:
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


def report(record: str, what: str, found: Any, key: str, values: Values) -> str:
    """Say that a record differs from a value."""
    return f"{record} says {what} {found}, {key} is {values[key]}"


RULES = (check_rows, check_pins, check_found, check_sample, check_epochs, check_rate)
