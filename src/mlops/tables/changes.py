"""Describe what a refresh of a remote source changed in a split, for the data report."""

from collections.abc import Mapping
from typing import Any

from mlops.config.schema import Change


def describe(found: Mapping[str, int], change: Change) -> dict[str, Any]:
    """Return rows added and removed, and the shift of the labels' shares.

    `found` counts the rows of today by label; those of before follow from it and the change.
    """
    if change.added is None or change.removed is None:
        return {"previous": change.previous, "added": None, "removed": None}
    names = sorted(found.keys() | change.added.keys() | change.removed.keys())
    before = {
        name: found.get(name, 0) - change.added.get(name, 0) + change.removed.get(name, 0)
        for name in names
    }
    had, has = max(sum(before.values()), 1), max(sum(found.values()), 1)
    shares = {name: (before[name] / had, found.get(name, 0) / has) for name in names}
    return {
        "previous": change.previous,
        "added": sum(change.added.values()),
        "removed": sum(change.removed.values()),
        "labels": {
            name: {"before": round(old, 6), "now": round(new, 6), "shift": round(new - old, 6)}
            for name, (old, new) in shares.items()
        },
    }
