"""Logged predictions as a table: from the lines of a spool, and as Parquet."""

import io
import json
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA = pa.schema(
    [
        ("request_id", pa.string()),
        ("time", pa.timestamp("ms", "UTC")),
        ("version", pa.string()),
        ("model_sha256", pa.string()),
        ("role", pa.string()),
        ("item", pa.int32()),
        ("label", pa.string()),
        ("confidence", pa.float64()),
        ("probabilities", pa.list_(pa.float64())),
        ("chars", pa.int32()),
        ("tokens", pa.int32()),
        ("unknown_share", pa.float64()),
        ("truncated", pa.bool_()),
        ("text", pa.string()),
        ("text_hmac", pa.string()),
        ("unit", pa.string()),
    ]
)


def parse(content: bytes) -> tuple[dict[date, pa.Table], int]:
    """Return the rows of a spool's file by their day, and how many lines are torn.

    A machine that lost its power may leave half a line; nothing else does.
    """
    lines = content.splitlines()
    rows = [row for row in map(_row, lines) if row]
    try:
        pa.Table.from_pylist(rows, SCHEMA)
    except (pa.ArrowException, OverflowError):
        rows = [row for row in rows if _fits(row)]
    days: dict[date, list[dict[str, Any]]] = {}
    for row in rows:
        days.setdefault(row["time"].date(), []).append(row)
    tables = {day: pa.Table.from_pylist(rows, SCHEMA) for day, rows in sorted(days.items())}
    return tables, len(lines) - len(rows)


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        row: dict[str, Any] = json.loads(line)
        row["time"] = datetime.fromtimestamp(row["time"] / 1000, UTC)
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    return row


def _fits(row: dict[str, Any]) -> bool:
    try:
        pa.Table.from_pylist([row], SCHEMA)
    except (pa.ArrowException, OverflowError):
        return False
    return True


def dump(table: pa.Table) -> bytes:
    """Return a table as Parquet: the same bytes for the same rows."""
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    return file.getvalue()


def load(content: bytes) -> pa.Table:
    """Return the table of a Parquet file, with the columns of this version."""
    found = pq.read_table(io.BytesIO(content))
    columns = [
        found[field.name].cast(field.type)
        if field.name in found.column_names
        else pa.nulls(found.num_rows, field.type)
        for field in SCHEMA
    ]
    return pa.table(columns, schema=SCHEMA)
