"""The requests that are compared: read from the log, of one version, cut into windows of time.

Reads: a folder or a file of logged requests, Parquet or JSON lines, here or at a URL (s3://)
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
import pyarrow.parquet as pq

from mlops.config.operating import Drift
from mlops.core.errors import OperateError
from mlops.release.versions.registry import Version
from mlops.tables.readers import shards

SHADOW = "shadow"  # answers to copies of requests, which nobody got
TIME = pa.timestamp("ms", "UTC")
NEEDED = {
    "request_id": pa.string(), "time": TIME, "version": pa.string(), "role": pa.string(),
    "label": pa.string(), "confidence": pa.float64(), "tokens": pa.int64(),
    "unknown_share": pa.float64(), "truncated": pa.bool_(),
}  # fmt: skip
TEXT = "text"
KINDS = (".parquet", ".jsonl")
DATE = re.compile(r"/date=(\d{4}-\d{2}-\d{2})/")


@dataclass(frozen=True)
class Window:
    """The requests of a time span; windows begin at multiples of their length."""

    start: datetime
    end: datetime
    table: pa.Table


@dataclass(frozen=True)
class Log:
    """The answers of one version, and how many rows of what else the log holds."""

    table: pa.Table
    left_out: dict[str, int]


def read(place: str, days: int) -> pa.Table:
    """Return the logged requests of a file, or of the last days of a folder, here or at a URL."""
    try:
        system, root = shards.connect(place)
        paths = [str(p) for p in sorted(system.find(root)) if str(p).endswith(KINDS)]
        files = {path: system.cat_file(path) for path in _newest(paths, days)}
    # Every file system has errors of its own: for want of credentials, of a bucket, of a network.
    except Exception as error:
        raise OperateError(f"INPUT: {place} cannot be read ({error})") from error
    if not files:
        raise OperateError(
            f"INPUT: expected a file or a folder of logged requests ({', '.join(KINDS)}), found "
            f"none at {place}"
        )
    return pa.concat_tables(_one(path, content) for path, content in files.items())


def _newest(paths: list[str], days: int) -> list[str]:
    """Return the files of the last days, where folders are named by date."""
    dates = {path: found[1] for path in paths if (found := DATE.search(path))}
    newest = sorted(set(dates.values()))[-days:]
    return [path for path in paths if path not in dates or dates[path] in newest]


def _one(path: str, content: bytes) -> pa.Table:
    given = pa.BufferReader(content)
    try:
        found = pj.read_json(given) if path.endswith(".jsonl") else pq.ParquetFile(given).read()
    except (pa.ArrowException, OSError) as error:
        raise OperateError(f"{path} is no log of requests: {str(error).splitlines()[0]}") from None
    lacking = [name for name in NEEDED if name not in found.column_names]
    if lacking:
        raise OperateError(
            f"{path} is no log of requests: it has no column {lacking[0]!r}, only "
            f"{', '.join(found.column_names)} (docs/operate.md, Request log)"
        )
    try:
        columns = [found[name].cast(kind) for name, kind in NEEDED.items()]
        texts = found[TEXT].cast(pa.string()) if TEXT in found.column_names else None
    except pa.ArrowException as error:
        raise OperateError(f"{path}: {str(error).splitlines()[0]}") from None
    empty = pa.nulls(found.num_rows, pa.string())
    return pa.table([*columns, empty if texts is None else texts], [*NEEDED, TEXT])


def of_version(table: pa.Table, version: Version) -> Log:
    """Return the answers of one version that somebody got; what is left out is counted."""
    shadow = pc.equal(table["role"], SHADOW)
    own = pc.and_(pc.equal(table["version"], version.number), pc.invert(shadow))
    kept = table.filter(own)
    copies = pc.sum(shadow).as_py() or 0
    others = table.num_rows - kept.num_rows - copies
    numbers = sorted(set(table["version"].to_pylist()) - {version.number, None})
    name = f"other versions ({', '.join(numbers[:5])})"
    left_out = {"copies to a shadow": copies, name: others}
    left_out = {name: rows for name, rows in left_out.items() if rows}
    return Log(kept, left_out)


def cut(table: pa.Table, drift: Drift, until: datetime | None = None) -> list[Window]:
    """Return the last windows, the newest last: until a moment, or with the newest request.

    A window without a request is one too.
    """
    length = drift.window_hours * 3_600_000
    places = pc.divide(table["time"].cast(TIME).cast(pa.int64()), length)
    newest = pc.max(places).as_py() if until is None else _milliseconds(until) // length - 1
    return [
        Window(_moment(at * length), _moment((at + 1) * length), table.filter(pc.equal(places, at)))
        for at in range(newest - drift.windows + 1, newest + 1)
    ]


def last_end(now: datetime, hours: int) -> datetime:
    """Return when the last whole window has ended."""
    length = hours * 3_600_000
    return _moment(_milliseconds(now) // length * length)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
