"""Add labelled requests to the data of an experiment, as a file of their own in a new folder.

Reads: DATA, EXP, NAME, ENCODING, conf/, the data of the experiment
Writes: data/<NAME>/ and its .dvc file, conf/experiment/<NAME>.yaml
"""

import os
import re
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pyarrow as pa

from mlops.config.schema import Data
from mlops.core.errors import ConfigError, DataError, run
from mlops.core.names import CONF
from mlops.operate.requests import labelled
from mlops.pipeline.compose import compose
from mlops.pipeline.experiment import unused
from mlops.pipeline.own_data import arrival
from mlops.tables import local

USAGE = "Example: make add-labels DATA=reports/to_label.csv EXP=tickets NAME=tickets-2"
TRAIN_PATH = re.compile(r"^( +train_path:)[^#\n]*?( *#.*)?$", re.MULTILINE)


def main() -> None:
    """Check the labels, lay the files together, track them, write the experiment."""
    given = {name: os.environ.get(name) or "" for name in ("DATA", "EXP", "NAME")}
    if missing := [name for name, value in given.items() if not value]:
        raise ConfigError(f"{' and '.join(missing)} must be given. {USAGE}")
    source, experiment, file = Path(given["DATA"]), given["EXP"], unused(given["NAME"])
    data = compose("dev", experiment).data
    before = present(data, experiment)
    text = rewritten(experiment, f"data/{file.stem}")
    if not source.exists():
        raise ConfigError(f"DATA: {source} does not exist. {USAGE}")
    with tempfile.TemporaryDirectory(prefix="labels-") as folder:
        utf8, _note = arrival.recoded(source, Path(folder))
        rows = labelled.read(utf8, data, labelled.known(data))
        place = arrival.FOLDER / file.stem
        lay_out(before, rows, data, place, source.stem)
    tracker = arrival.track(place)
    file.write_text(text, encoding="utf-8")
    counts = sorted(Counter(rows["label"].to_pylist()).items())
    labels = ", ".join(f"{name} {count:,}" for name, count in counts)
    sys.stdout.write(
        f"added {rows.num_rows:,} rows ({labels}) to those of {data.train_path}: {place}, tracked "
        f"by {tracker}\n"
        f"wrote {file}\n"
        f"next: make train EXP={file.stem}\n"
        f"      make compare    # with the runs of {experiment}: what the labels changed\n"
    )


def present(data: Data, experiment: str) -> list[Path]:
    """Return the files that the experiment trains on."""
    place = local.path(data.train_path) if data.train_path != "synthetic" else None
    if place is None:
        raise ConfigError(
            f"experiment {experiment} trains on {data.train_path}, which has no files here to add "
            "rows to; put the labelled file into its folder (REFRESH=1 reads it), or bring "
            "the data into the project: make experiment DATA=..."
        )
    if not place.exists():
        raise DataError(f"{place} is not here; `make pull` or `dvc pull {place}.dvc` brings it")
    return sorted(place.iterdir()) if place.is_dir() else [place]


def rewritten(experiment: str, place: str) -> str:
    """Return the text of an experiment that trains on another place and is otherwise the same."""
    path = CONF / "experiment" / f"{experiment}.yaml"
    text, number = TRAIN_PATH.subn(rf"\1 {place}\2", path.read_text(encoding="utf-8"))
    if number != 1:
        raise ConfigError(
            f"{path}: expected one line `train_path:` in its section data, found {number}; write "
            "it there"
        )
    return text


def lay_out(before: list[Path], rows: pa.Table, data: Data, place: Path, name: str) -> None:
    """Copy the files and write the new one beside them, all or nothing."""
    if place.exists():
        raise ConfigError(f"{place} exists; choose another NAME. {USAGE}")
    partial = place.with_name(f"{place.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for path in before:
        shutil.copyfile(path, partial / path.name)
    target = partial / f"labelled-{name}{labelled.suffix(before[0])}"
    if target.exists():
        raise ConfigError(f"{before[0].parent} holds {target.name} already; rename {name}")
    labelled.write(rows, data, before[0], target)
    partial.replace(place)


if __name__ == "__main__":
    run(main)
