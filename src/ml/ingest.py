"""Bring the configured sources into one form.

Reads: the sources that the section `data` names, the remote ones as sources.lock pins them
Writes: data/raw/{train,val,test}.parquet, data/raw/source.json
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from mlops.config import schema
from mlops.config.schema import Data, Params
from mlops.core import outputs
from mlops.core.errors import DataError, run
from mlops.tables import pins, remote, sources
from mlops.tables.pins import LOCK, ROLES, Pin, Role, paths, settings, shares
from mlops.tables.sources import SYNTHETIC
from mlops.tables.splits import RAW, split, standard

log = logging.getLogger(__name__)

SPLIT_OFF = "split off from train"


@dataclass(frozen=True)
class Ingested:
    """How many rows each split got, and how many each file gave, by the role of its source."""

    rows: dict[str, int]
    files: dict[str, dict[str, int]]


def ingest(data: Data, folder: Path, pinned: Mapping[Role, Pin] | None = None) -> Ingested:
    """Write the rows of all sources to `folder`; none is lost on the way."""
    pinned = pinned or {}
    done = Ingested({}, {})
    for role, path in paths(data).items():
        if path:
            source = standard(sources.read(path, role, data, pinned.get(role)), data)
            rows = split(source, shares(data) if role == "train" else (0.0, 0.0), folder, role)
            check_rows(path, source.read, {name: folder / f"{name}.parquet" for name in rows})
            done.rows.update(rows)
            done.files[role] = dict(source.read)
    for role, pin in pinned.items():  # a file that has changed while it was read
        remote.find(str(paths(data)[role]), pin, ())
    return done


def check_rows(path: str, read: Mapping[str, int], written: Mapping[str, Path]) -> None:
    """Refuse a source without rows, and files that do not hold all rows that were read."""
    rows = {name: pq.read_metadata(file).num_rows for name, file in written.items()}
    if not any(rows.values()):
        raise DataError(f"{path} has columns but no rows; expected rows of labelled text")
    if sum(read.values()) != sum(rows.values()):
        raise DataError(
            f"{path}: {sum(read.values()):,} rows were read, but {sum(rows.values()):,} written "
            f"({rows}); this is a bug in ml.ingest: report it"
        )


def pinned_by(params: Params) -> dict[Role, Pin]:
    """Return the pin of each remote source; it must be the one that params.yaml stands for."""
    urls = {role: url for role, url in paths(params.data).items() if url and pins.remote(url)}
    known = pins.load() if urls else {}
    for role, url in urls.items():
        if url not in known or known[url].fingerprint != getattr(params.snapshot, role):
            wrong = "pins another state of" if url in known else "does not have"
            raise DataError(
                f"{LOCK} {wrong} {url}, which params.yaml uses; take both files from one commit, "
                "or run `make train`, which composes first"
            )
    return {role: known[url] for role, url in urls.items()}


def main() -> None:
    """Write the rows of each source as the splits that are made of it."""
    params = schema.load()
    data, pinned = params.data, pinned_by(params)
    with outputs.folder(RAW) as folder:
        done = ingest(data, folder, pinned)
        found = {
            "synthetic": SYNTHETIC in paths(data).values(),
            "source": {role: path or SPLIT_OFF for role, path in paths(data).items()},
            "rows": done.rows,
            "files": done.files,
        }
        if pinned:
            found["pinned"] = {
                role: {"fingerprint": pin.fingerprint, **settings(role, data)}
                for role, pin in pinned.items()
            }
        outputs.write_json(folder / "source.json", found)
    log.info("ingested %s", ", ".join(f"{done.rows[role]:,} {role}" for role in ROLES))


if __name__ == "__main__":
    run(main)
