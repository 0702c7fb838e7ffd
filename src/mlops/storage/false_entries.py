"""Which run-cache entries cannot be true: their outputs do not come from their inputs.

An entry is false where its outputs record other values than its inputs have, and where another
entry gives the same outputs to a value that would have changed them. That code or a comment differs
proves nothing: then the same outputs are right.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mlops.storage import recorded_values

Entry = Mapping[str, Any]
Read = Callable[[Entry, str], Any]
RECORDS = (recorded_values.SOURCE, recorded_values.DATA, recorded_values.HISTORY)

# An output, and the values that its bytes follow from: with another one they are others.
DECISIVE = {
    "data/raw": (
        "data.train_path", "data.text_column", "data.label_column", "data.synthetic_rows",
        "snapshot.train", "snapshot.val", "snapshot.test",
    ),
    "models/model": (
        "training.seed", "training.learning_rate", "training.batch_size", "training.optimizer",
        "training.weight_decay", "training.schedule", "training.loss_function",
        "training.label_smoothing", "training.momentum", "training.focal_gamma",
        "model.architecture", "model.custom", "model.pretrained", "model.scratch.type",
        "model.scratch.layers", "model.scratch.hidden", "model.scratch.heads",
        "model.scratch.intermediate", "model.dropout", "snapshot.pretrained",
    ),
}  # fmt: skip
# Values that only count together with another one.
ONLY = {
    "training.momentum": ("training.optimizer", "sgd"),
    "training.focal_gamma": ("training.loss_function", "focal"),
    **{
        f"model.scratch.{name}": ("model.pretrained", None)
        for name in ("type", "layers", "hidden", "heads", "intermediate")
    },
}


def collect_values(entry: Entry) -> dict[str, Any]:
    """Return the values of an entry by their whole names."""
    return dict(
        pair
        for section in entry.get("params", {}).values()
        for name, value in section.items()
        for pair in flatten(name, value)
    )


def flatten(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the values below a key."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from flatten(f"{name}.{key}", inner)
    else:
        yield name, value


def find(entries: Mapping[str, Entry], read: Read) -> dict[str, str]:
    """Return the names of the entries that cannot be true, and why."""
    wrong: dict[str, str] = {}
    for name, entry in entries.items():
        records = {path: read(entry, path) for path in RECORDS if has_path(entry, path)}
        known = {path: record for path, record in records.items() if record is not None}
        if reasons := recorded_values.find_contradictions(collect_values(entry), known):
            wrong[name] = reasons[0]
    return wrong | find_contested({name: one for name, one in entries.items() if name not in wrong})


def has_path(entry: Entry, path: str) -> bool:
    """Return whether a path is, or is in, an output or an input of an entry."""
    named = [item["path"] for item in (*entry.get("deps", ()), *entry["outs"])]
    return any(path == one or path.startswith(f"{one}/") for one in named)


def normalize(value: Any) -> Any:
    """Return a value that can be a key and is equal for equal ones, such as 0 and 0.0."""
    return value if isinstance(value, int | float | str | None) else repr(value)


def find_contested(entries: Mapping[str, Entry]) -> dict[str, str]:
    """Return the entries that give one output to two values; no one knows which is true."""
    claims: dict[tuple[str, str, str], dict[Any, list[str]]] = defaultdict(dict)
    for name, entry in entries.items():
        given = collect_values(entry)
        for item in (*entry.get("deps", ()), *entry["outs"]):
            for key in DECISIVE.get(item["path"], ()):
                other, wanted = ONLY.get(key, ("", None))
                if key in given and (not other or given.get(other, ...) == wanted):
                    claim = claims[item["path"], item["md5"], key]
                    claim.setdefault(normalize(given[key]), []).append(name)
    wrong: dict[str, str] = {}
    for (path, md5, key), claim in claims.items():
        if len(claim) > 1:
            both = " and of ".join(sorted(map(str, claim)))
            reason = f"{path} ({md5[:8]}) is the output of {key}={both}"
            wrong |= {name: reason for names in claim.values() for name in names}
    return wrong
