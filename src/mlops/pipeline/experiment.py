"""Write an experiment for data of your own: look at them, say what was found, keep them.

Reads: DATA, NAME (else of the file), TEXT_COLUMN, LABEL_COLUMN, ENCODING, SET, conf/
Writes: conf/experiment/<NAME>.yaml; data/ and *.dvc, or sources.lock for an address
"""

import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mlops.config import hub
from mlops.config.schema import Data, Params, Prepare
from mlops.core.errors import ConfigError, DataError, run
from mlops.core.names import CONF, options, refuse_odd
from mlops.pipeline import refresh
from mlops.pipeline.compose import compose
from mlops.pipeline.own_data import arrival, draft, guess
from mlops.pipeline.own_data.draft import Found
from mlops.pipeline.own_data.look import head, look
from mlops.tables import local, pins

SHARE = "CI trains once Git has both files and `make push` has sent the data to its remote.\n"
PLAIN = re.compile(r"[^a-z0-9]+")
USAGE = "Example: make experiment DATA=tickets.csv NAME=tickets"


@dataclass(frozen=True)
class Kept:
    """Where the data lie, how a clone gets them, what they are, and what was done to them."""

    where: str
    how: str
    found: Found
    note: str = ""


def main() -> None:
    """Look, bring, track, write, and say what was done and what comes next."""
    source = os.environ.get("DATA") or ""
    if not source:
        raise ConfigError(f"DATA is missing. {USAGE}")
    path = unused(os.environ.get("NAME") or PLAIN.sub("-", Path(source).stem.lower()).strip("-"))
    name = path.stem
    params = compose("dev", "default", os.environ.get("SET") or "")
    place = local.path(source)
    try:
        kept = at_address(source, params) if place is None else from_disk(place, name, params)
    except DataError as error:
        key = re.search(r"data\.(?:quoting|labels)", str(error))
        raise DataError(f'{error} (here: SET="{key[0]}=...")' if key else f"{error}") from None
    model, why = fit_model()
    path.write_text(draft.text(name, kept.where, kept.found, params, model), encoding="utf-8")
    try:
        data = compose("dev", name).data
    except ConfigError:
        path.unlink()
        raise
    if place is None:
        refresh.update(data, again=False)
    lines = [*draft.lines(source, kept.found, kept.note), f"model   {model}{why}"]
    sys.stdout.writelines(f"  {line}\n" for line in lines)
    sys.stdout.write(
        f"wrote {path}; the data are {kept.where} ({kept.how})\n"
        f"next: make validate EXP={name}\n"
        f"      make train EXP={name}\n{SHARE if place else ''}"
    )


def at_address(source: str, params: Params) -> Kept:
    """Look at data behind an address, which stay there."""
    how = "pinned in sources.lock" if pins.remote(source) else "pin a revision: hf:<name>@<commit>"
    return Kept(source, how, examine(source, params))


def unused(name: str) -> Path:
    """Return the file of a new experiment; one that is there is never written over."""
    refuse_odd(name, "NAME")
    if "/" in name:
        raise ConfigError(f"NAME: expected a name without folders, found {name}. {USAGE}")
    path = CONF / "experiment" / f"{name}.yaml"
    if name in options("experiment") or path.exists():
        raise ConfigError(f"{path} exists; edit it, or choose another NAME. {USAGE}")
    return path


def from_disk(source: Path, name: str, params: Params) -> Kept:
    """Look at a file or folder and bring it into the project."""
    if not source.exists():
        raise ConfigError(f"DATA: {source} does not exist. {USAGE}")
    with tempfile.TemporaryDirectory(prefix="experiment-") as folder:
        utf8, note = arrival.recoded(source, Path(folder))
        place = arrival.target(source, utf8, name)
        found = examine(str(utf8), params)
        arrival.bring(utf8, place)
    kept = arrival.track(place)
    return Kept(str(place), f"tracked by {kept}", found, note)


def examine(path: str, params: Params) -> Found:
    """Choose the columns and look at the rows, refusing none that a policy could drop."""
    names, delimiter = header(path, params.data)
    first = params.data.model_copy(update={"text_column": names[0], "label_column": names[1]})
    start = head(path, "train", first)
    text, label = guess.choose(guess.described(start.rows), start.rows.num_rows)
    data = first.model_copy(
        update={
            "train_path": path, "text_column": text.name, "label_column": label.name,
            "val_path": None, "test_path": None,
        }
    )  # fmt: skip
    rows = head(path, "train", data)
    lenient = {
        name: "drop" for name, field in Prepare.model_fields.items() if name in draft.POLICIES
    }
    bounds = {"sample": 1.0, "max_rows": None, "min_rows": 1, "min_class_share": 0.0}
    prepare = params.prepare.model_copy(update={**lenient, **bounds})
    seen = look(params.model_copy(update={"data": data, "prepare": prepare}), {"train": rows})
    return Found(len(names), delimiter, text, label, rows.rows.num_rows, seen)


def header(path: str, data: Data) -> tuple[list[str], str]:
    """Return the columns of the data, at least two, and the delimiter."""
    if path.startswith("hf:"):  # only its own library knows them
        get = os.environ.get
        return [get("TEXT_COLUMN") or "text", get("LABEL_COLUMN") or "label"], ""
    names, delimiter = guess.header(path, data)
    if len(names) < 2:
        raise ConfigError(
            f"{path} has one column ({', '.join(names) or 'without a name'}); expected one of "
            "texts and one of labels, below a header that names them"
        )
    return names, delimiter


def fit_model() -> tuple[str, str]:
    """Return the model for real texts, or the tiny one and why."""
    minilm = compose("dev", "default", "model=minilm").model
    why = hub.missing(minilm.pretrained, minilm.revision)
    if not why:
        return "minilm", ": knows English already; model=tiny starts from nothing"
    return "tiny", f", from random weights (minilm would learn from fewer rows: {why})"


if __name__ == "__main__":
    run(main)
