"""What the last windows of a version exceeded: a drift is an alarm only if it lasts.

Kept with the environment's registered model, where whoever runs the next check finds it.

Reads: tag `drift.<version>` of the registered model
Writes: that tag
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from mlops.config.operating import Drift
from mlops.release.versions.registry import Registry, Version

Exceeded = Mapping[str, list[str]]  # the statistics that a window exceeded, by its start
KEPT = 30  # windows, as many as drift.windows may be


def read(registry: Registry, version: Version) -> dict[str, list[str]]:
    """Return what is known of the windows of a version."""
    try:
        found = json.loads(registry.notes().get(_key(version), "{}"))
    except ValueError:
        return {}
    return dict(found) if isinstance(found, dict) else {}


def write(registry: Registry, version: Version, exceeded: Exceeded) -> None:
    """Keep what is known of the newest windows."""
    newest = dict(sorted(exceeded.items())[-KEPT:])
    registry.note(_key(version), json.dumps(newest, sort_keys=True))


def held(exceeded: Exceeded, newest: datetime, drift: Drift) -> dict[str, int]:
    """Return how many of the last windows in a row exceeded each statistic of the newest one.

    A window that could not be judged breaks no row; one that is long past begins none.
    """
    oldest = newest - timedelta(hours=2 * drift.windows * drift.window_hours)
    starts = [start for start in sorted(exceeded) if oldest < _time(start) <= newest]
    counts = {}
    for statistic in exceeded.get(newest.isoformat(), []):
        row = [statistic in exceeded[start] for start in reversed(starts)]
        counts[statistic] = row.index(False) if False in row else len(row)
    return counts


def _time(start: str) -> datetime:
    return datetime.fromisoformat(start)


def _key(version: Version) -> str:
    return f"drift.{version.number}"
