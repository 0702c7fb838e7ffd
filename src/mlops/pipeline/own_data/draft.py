"""The text of a new experiment, and the lines that say what its data are."""

from dataclasses import dataclass
from typing import Any

import yaml

from mlops.config.schema import Params
from mlops.pipeline.own_data.guess import Choice
from mlops.pipeline.own_data.look import Look
from mlops.tables.messages import short

# By the key of section prepare, what rows are found for.
POLICIES = {
    "nulls": "no text or no label",
    "empty": "an empty text",
    "too_long": "more than prepare.max_chars characters",
    "duplicates": "text and label of an earlier row",
    "conflicts": "a text that another row labels otherwise",
    "leakage": "a text of another split",
}
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
LENGTHS = (64, 128, 256, 512)
TOKENS = 1.5  # of a word, at most in most languages


@dataclass(frozen=True)
class Found:
    """The columns of the data and what their rows are."""

    columns: int
    delimiter: str
    text: Choice
    label: Choice
    rows: int
    look: Look


def lines(source: str, found: Found, note: str) -> list[str]:
    """Return what was found in the data."""
    mark = f", delimiter {DELIMITERS.get(found.delimiter, found.delimiter)}"
    words = _words(found)
    dropped = {name: rows for name, rows in _dropped(found).items() if rows}
    left = [f"{rows:,} with {POLICIES[name]}" for name, rows in dropped.items()]
    return [
        f"data    {source}: {_rows(found)}, {found.columns} columns"
        + (mark if found.delimiter else ""),
        *([f"        {note}"] if note else []),
        f"text    {found.text.name}: {found.text.reason}; {words['p50']} words in the middle, "
        f"{words['max']:,} at most",
        f"label   {found.label.name}: {found.label.reason}; {_classes(found, 12)}",
        *([f"dropped {', '.join(left)}"] if left else []),
        *(f"warning: {line}" for line in _bounds(found, 20, 0.01).values()),
    ]


def text(name: str, where: str, found: Found, params: Params, model: str) -> str:
    """Return the experiment's file."""
    labels = _classes(found, 30)
    prepare = {
        key: ("drop", f"{rows:,} with {POLICIES[key]}")
        for key, rows in _dropped(found).items()
        if rows and getattr(params.prepare, key) == "refuse"
    }
    bounds = _bounds(found, params.prepare.min_rows, params.prepare.min_class_share)
    values: dict[str, dict[str, tuple[Any, str]]] = {
        "model": {"name": (name, ""), **_length(found, params)},
        "data": {
            "train_path": (where, f"{_rows(found)}; val and test are split off"),
            "text_column": (found.text.name, found.text.reason),
            "label_column": (found.label.name, labels),
            **{key: (value, "as SET said") for key, value in _said(params).items()},
        },
        "prepare": prepare | {key: (_lowest(found, key), line) for key, line in bounds.items()},
        "training": _training(found, model),
        "export": {"example": ("A text to classify.", "public: the service's page shows it")},
    }
    begin = (
        "# yaml-language-server: $schema=../schema/config.json\n"
        f"# Written by `make experiment` for {where}; yours to change. All keys\n"
        "# and their reasons: conf/config.yaml. Behaviour tests: conf/experiment/default.yaml.\n"
        f"defaults:\n  - override /model: {model}\n"
    )
    return begin + "".join(_section(key, part) for key, part in values.items() if part)


def _said(params: Params) -> dict[str, Any]:
    quoting = {"quoting": params.data.quoting} if params.data.quoting != "auto" else {}
    return quoting | ({"labels": params.data.labels} if params.data.labels else {})


def _section(name: str, values: dict[str, tuple[Any, str]]) -> str:
    entries = [(f"  {key}: {_quoted(value)}", why) for key, (value, why) in values.items()]
    return f"\n{name}:\n" + "".join(f"{e}  # {why}\n" if why else f"{e}\n" for e, why in entries)


def _quoted(value: Any) -> str:
    shown: str = yaml.safe_dump(value, allow_unicode=True, width=10_000, default_flow_style=True)
    return shown.removesuffix("...\n").strip()


def _training(found: Found, model: str) -> dict[str, tuple[Any, str]]:
    """Return a rate and epochs for so many rows: some hundred steps at least."""
    rows = found.look.report["splits"]["train"]["kept"]
    few = f"{rows:,} rows to train on" + ("" if found.look.whole else " at least")
    if model == "tiny":
        return {"epochs": (max(6, min(40, 20_000 // rows)), few)}
    epochs = 6 if rows < 2000 else 3 if rows < 10_000 else 2
    return {"learning_rate": (1.0e-4, "fine-tuning"), "epochs": (epochs, few)}


def _length(found: Found, params: Params) -> dict[str, tuple[Any, str]]:
    need = _words(found)["p95"] * TOKENS
    length = next((one for one in LENGTHS if one >= need), LENGTHS[-1])
    why = "tokens: fits 95 of 100 texts" if need <= LENGTHS[-1] else "tokens: longer texts are cut"
    return {"max_length": (length, why)} if length > params.model.max_length else {}


def _rows(found: Found) -> str:
    return f"{found.rows:,} rows" if found.look.whole else f"the first {found.rows:,} rows of more"


def _words(found: Found) -> dict[str, int]:
    words: dict[str, int] = found.look.report["splits"]["train"]["words"]
    return words


def _dropped(found: Found) -> dict[str, int]:
    splits = found.look.report["splits"].values()
    return {name: sum(one["dropped"].get(name, 0) for one in splits) for name in POLICIES}


def _classes(found: Found, most: int) -> str:
    splits = found.look.report["splits"].values()
    counts = {n: sum(one["labels"][n]["rows"] for one in splits) for n in found.look.labels}
    shown = [f"{n if n.isprintable() else short(n)} {rows:,}" for n, rows in counts.items()]
    more = f" and {len(shown) - most:,} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more


def _lowest(found: Found, key: str) -> float:
    """Return the fewest rows of a split, or the least share of a class in one."""
    splits = found.look.report["splits"].values()
    if key == "min_rows":
        return min(int(one["kept"]) for one in splits)
    return min(float(c["share"]) for one in splits for c in one["labels"].values())


def _bounds(found: Found, rows: int, share: float) -> dict[str, str]:
    """Say which bounds of prepare these data do not hold."""
    if not found.look.whole:
        return {}
    least, rarest = _lowest(found, "min_rows"), _lowest(found, "min_class_share")
    few = f"the smallest split has {least:.0f} rows, too few to measure anything by"
    rare = f"a class is {rarest:.1%} of a split, too rare to learn; merge classes or add rows"
    return ({"min_rows": few} if least < rows else {}) | (
        {"min_class_share": rare} if rarest < share else {}
    )
