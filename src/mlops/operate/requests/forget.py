"""Forget logged requests: those older than the environment keeps them, or one by its id.

Reads: ENV, SET, ERASE, APPLY, conf/, the store of the requests
Writes: with APPLY=1 the store
"""

import os
import sys
from datetime import UTC, date, datetime, timedelta

import pyarrow.compute as pc

from mlops.config.schema import Params
from mlops.core.errors import OperateError, run
from mlops.operate.requests import keys, table
from mlops.operate.requests.store import Store, open_store
from mlops.pipeline.compose import asked
from mlops.storage.retention_plan import Item, Plan

KIND = "requests"


def old(store: Store, environment: str, before: date) -> Plan:
    """Plan to remove the days before a day; what is none of our objects stays."""
    plan = Plan()
    for key, size in store.list(keys.folder(environment)):
        day = keys.day(key)
        if day and day < before:
            plan.going.append(Item(KIND, key, size))
        else:
            plan.stay(KIND, "younger" if day else "of another name")
    return plan


def remove(store: Store, plan: Plan) -> str:
    """Remove whole objects; return what was done."""
    for item in plan.going:
        store.remove(item.name)
    size = sum(item.size for item in plan.going) / 1e6
    return f"deleted: {len(plan.going)} of them, {size:.1f} MB"


def holding(store: Store, environment: str, name: str) -> dict[str, int]:
    """Return the objects that hold a request, and how many predictions of it."""
    found = {}
    for key, _ in store.list(keys.folder(environment)):
        content = store.read(key) if keys.day(key) else None
        if content is not None:
            rows = pc.sum(pc.equal(table.load(content)["request_id"], name)).as_py()
            if rows:
                found[key] = rows
    return found


def erase(store: Store, environment: str, name: str) -> str:
    """Write the objects without a request; return what was done, once none of it is found."""
    found = holding(store, environment, name)
    for key in found:
        content = store.read(key)
        rows = table.load(content) if content else table.SCHEMA.empty_table()
        kept = rows.filter(pc.not_equal(rows["request_id"], name))
        if kept.num_rows:
            store.write(key, table.dump(kept))
        else:
            store.remove(key)
    if holding(store, environment, name):
        raise OperateError(
            f"{name} was shipped again while it was erased; run the same command again"
        )
    return f"erased: {sum(found.values())} predictions in {len(found)} objects"


def main() -> None:
    """Print what would be forgotten; forget it with APPLY=1."""
    params = asked()
    store, name = open_store(params.request_log.url), os.environ.get("ERASE", "")
    act = os.environ.get("APPLY", "0") not in ("", "0")
    lines = _erase(params, store, name, act) if name else _expire(params, store, act)
    sys.stdout.write("\n".join([*lines, ""]))


def _expire(params: Params, store: Store, act: bool) -> list[str]:
    days, environment = params.request_log.retention_days, params.environment
    if days is None:
        return [
            f"{environment} keeps all logged requests: request_log.retention_days is null; "
            "ERASE=<request id> erases one"
        ]
    plan = old(store, environment, datetime.now(UTC).date() - timedelta(days=days))
    lines = [f"{environment} keeps logged requests for {days} days", *plan.lines()]
    return [*lines, remove(store, plan) if act else _not_yet(environment)]


def _erase(params: Params, store: Store, name: str, act: bool) -> list[str]:
    environment, minutes = params.environment, -(-params.request_log.rotate_seconds // 60) + 1
    later = (
        "what a pod has not shipped yet is not seen: run the same command again after "
        f"{minutes} minutes"
    )
    if act:
        return [erase(store, environment, name), later]
    found = holding(store, environment, name)
    lines = [f"request {name}: {sum(found.values())} predictions in {len(found)} objects"]
    lines += [f"  {key}: {rows}" for key, rows in found.items()]
    return [*lines, later, _not_yet(f"{environment} ERASE={name}")]


def _not_yet(words: str) -> str:
    return f"nothing is deleted yet: make forget-requests ENV={words} APPLY=1"


if __name__ == "__main__":
    run(main)
