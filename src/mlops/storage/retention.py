"""Delete what is older than the environment keeps it and nothing needs any more.

Reads: ENV, APPLY, conf/, the MLflow store, the environment's remote, the Git repository
Writes: with APPLY=1 the MLflow store and the remote
"""

import os
import sys
import time
from dataclasses import dataclass

from mlops.config.schema import Params
from mlops.core import environment
from mlops.core.errors import run
from mlops.pipeline.compose import asked
from mlops.storage import git_hashes, remote
from mlops.storage.expired_runs import Store
from mlops.storage.retention_plan import Plan
from mlops.storage.unused_objects import Remote

DAY = 86_400


@dataclass
class Retention:
    """What an environment holds, and how long it keeps what nothing needs."""

    params: Params
    now: float
    shared: bool  # whether there are credentials for the remote

    @property
    def cutoff(self) -> float:
        """Return the time before which things are old."""
        return self.now - (self.params.storage.retention_days or 0) * DAY

    def plan(self) -> tuple[Plan, Plan]:
        """Plan what to delete in MLflow and in the remote; all must be readable."""
        tracked, carried = Store(self.params).plan(self.cutoff)
        return tracked, self.objects(carried) if self.shared else Plan()

    def objects(self, carried: set[str]) -> Plan:
        """Plan what to delete in the remote, where runs carry these hashes."""
        return self._remote().plan(carried | git_hashes.find_referenced(), self.cutoff)

    def apply(self, tracked: Plan) -> Plan:
        """Delete, return what was deleted; the remote is listed anew, as minutes have passed."""
        store = Store(self.params)
        done = Plan(store.delete(tracked.going))
        if self.shared:
            _, carried = store.plan(self.cutoff)
            found = self.objects(carried)
            self._remote().delete(found.going)
            done.going += found.going
        return done

    def _remote(self) -> Remote:
        return Remote(remote.client(), self.params.storage.remote)


def main() -> None:
    """Print what would be deleted; delete it with APPLY=1."""
    name = environment.asked()
    params = asked()
    days = params.storage.retention_days
    if days is None:
        sys.stdout.write(f"{name} keeps everything: storage.retention_days is null\n")
        return
    shared = remote.has_credentials()
    if shared:
        remote.check(name)
    retention = Retention(params, time.time(), shared)
    tracked, objects = retention.plan()
    plan = Plan()
    plan.add(tracked)
    plan.add(objects)
    lines = [f"{name} keeps unused runs and objects for {days} days", *plan.lines()]
    if not shared:
        lines.append("the remote was not checked: no AWS credentials are set")
    sys.stdout.write("\n".join([*lines, ""]))
    if os.environ.get("APPLY", "0") in ("", "0"):
        sys.stdout.write(f"nothing is deleted yet: make retention ENV={name} APPLY=1\n")
        return
    done = retention.apply(tracked).going
    size = sum(item.size for item in done) / 1e6
    sys.stdout.write(f"deleted: {len(done)} of them, {size:.1f} MB\n")


if __name__ == "__main__":
    run(main)
