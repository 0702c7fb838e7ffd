"""Read the logged predictions of a window of time."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from mlops.operate.requests import keys, table
from mlops.operate.requests.store import Store, open_store

if TYPE_CHECKING:  # the shipper's image has no configuration
    from mlops.config.schema import Params

COUNTED = ("live", "canary")  # a shadow's answers reach nobody


def read(
    params: "Params",
    since: datetime,
    until: datetime,
    version: str | None = None,
    roles: Collection[str] = COUNTED,
) -> pa.Table:
    """Return the predictions of an environment in a window, sorted by time, each once.

    `until` is outside of it. Of predictions with the same request id, item and role the first one
    counts: a client may have sent a request again. `version` is the registered one; None: all.
    """
    store = open_store(params.request_log.url)
    found = pa.concat_tables(
        [table.SCHEMA.empty_table(), *_tables(store, params.environment, since, until)]
    )
    start, end = (pa.scalar(one, table.SCHEMA.field("time").type) for one in (since, until))
    wanted = (pc.field("time") >= start) & (pc.field("time") < end)
    wanted &= pc.field("role").isin(sorted(roles))
    if version is not None:
        wanted &= pc.field("version") == version
    return _once(found.filter(wanted))


def _tables(store: Store, environment: str, since: datetime, until: datetime) -> Iterator[pa.Table]:
    first, last = since.astimezone(UTC).date(), until.astimezone(UTC).date()
    for key, _ in store.list(keys.folder(environment)):
        day = keys.day(key)
        if day and first <= day <= last and (content := store.read(key)) is not None:
            yield table.load(content)


def _once(rows: pa.Table) -> pa.Table:
    """Drop what was logged twice."""
    rows = rows.sort_by([(name, "ascending") for name in ("time", "request_id", "item", "version")])
    names = ["request_id", "item", "role"]
    numbered = rows.select(names).append_column("row", pa.array(range(rows.num_rows), pa.int64()))
    first = numbered.group_by(names).aggregate([("row", "min")])["row_min"]
    return rows.take(first.take(pc.sort_indices(first)))
