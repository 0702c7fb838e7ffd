"""Rows that people have labelled: checked, and written in the format of the data they go to."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mlops.config.schema import Data
from mlops.core.errors import DataError
from mlops.tables import sources
from mlops.tables.messages import listed
from mlops.tables.splits import standard

COLUMNS = ("predicted", "confidence", "why", "request_id", "item", "version")  # of `make label`
FORMULA = re.compile(r"'*[=+\-@\t\r]")  # what a spreadsheet would run, with or without our mark
SHOWN = 10
FORMATS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


def guard(text: str) -> str:
    """Return a text that a spreadsheet shows and does not run: anybody may send `=1+1`."""
    return f"'{text}" if FORMULA.match(text) else text


def unguard(text: str) -> str:
    """Return what was guarded."""
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text


def known(data: Data) -> list[str]:
    """Return the labels of the data that are there."""
    if data.labels:
        return [str(label) for label in data.labels]
    found: set[str] = set()
    for batch in standard(sources.read(data.train_path, "train", data), data).batches:
        found |= {str(label) for label in batch.column("label").to_pylist() if label is not None}
    return sorted(found)


def read(path: Path, data: Data, labels: list[str]) -> pa.Table:
    """Return texts and labels; a row without a label, or with another one, is refused."""
    source = standard(sources.read(str(path), "train", data), data)
    rows = pa.Table.from_batches(list(source.batches), source.schema)
    if not rows.num_rows:
        raise DataError(f"{path} has no rows; expected labelled texts")
    texts, given = (
        [str(value or "").strip() for value in rows[name].to_pylist()] for name in ("text", "label")
    )
    known = {"", *labels}
    _refuse(path, "no text", _where(texts, lambda text: not text), "remove them")
    _refuse(path, "no label", _where(given, lambda label: not label), "label or remove them")
    _refuse(
        path, "a label that the data do not have", _where(given, lambda one: one not in known),
        f"expected {listed(labels)}",
    )  # fmt: skip
    ours = set(COLUMNS) <= set(rows.column_names)
    texts = rows["text"].to_pylist()
    return pa.table({"text": [unguard(t) if ours else t for t in texts], "label": given})


def _where(values: list[str], wrong: Callable[[str], bool]) -> list[str]:
    """Return the numbers of the rows that are wrong, and what they say."""
    return [f"{n} ({one})" if one else f"{n}" for n, one in enumerate(values, 2) if wrong(one)]


def _refuse(path: Path, what: str, found: list[str], cure: str) -> None:
    if found:
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        rows = ", ".join(found[:SHOWN]) + more
        raise DataError(f"{path}: {what} in row {rows} (the header is row 1); {cure}")


def suffix(path: Path) -> str:
    """Return the end of the name that the rows get beside a file of the data."""
    found = path.suffix.lower()
    if found not in FORMATS:
        raise DataError(f"{path}: rows can be added to {listed(FORMATS)}; convert it")
    return found


def write(rows: pa.Table, data: Data, beside: Path, target: Path) -> None:
    """Write the rows under the names of the data's columns, in the format of a file of theirs."""
    names = [data.text_column, data.label_column]
    if target.suffix == ".parquet":
        schema = pq.read_schema(beside)
        columns = [
            column.cast(schema.field(name).type)
            for name, column in zip(names, (rows["text"], rows["label"]), strict=True)
        ]
        pq.write_table(pa.table(dict(zip(names, columns, strict=True))), target)
    elif target.suffix in (".jsonl", ".ndjson"):
        lines = [json.dumps(dict(zip(names, row, strict=True))) for row in _rows(rows)]
        target.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    else:
        with target.open("w", encoding="utf-8", newline="") as file:
            out = csv.writer(file, delimiter="\t" if target.suffix == ".tsv" else ",")
            out.writerows([names, *_rows(rows)])


def _rows(rows: pa.Table) -> list[tuple[Any, Any]]:
    return list(zip(rows["text"].to_pylist(), rows["label"].to_pylist(), strict=True))
