"""Bring a version back that was live before, with the manifests that it had then.

While a canary is tried, going back means to end it: what is live stays live.

Reads: ENV, TO (else the version that was live before), WHY, conf/, the environment's registry
Writes: what the target runs, alias `champion`, the record of deployments, by which the gate rejects
    the version that was left
"""

import os
import sys
import time

from mlops.core.errors import DeployError, run
from mlops.deployment.rollout import Rollout
from mlops.deployment.target import BusyError
from mlops.pipeline.compose import asked
from mlops.release.versions import history
from mlops.release.versions.history import CANARY, ROLLBACK, UNDONE, Entry

PATIENCE = 300  # seconds in which whoever judges a canary must have ended it
PAUSE = 1.0


def main() -> None:
    """Roll back."""
    params = asked()
    rollout = Rollout(params)
    why, to = os.environ.get("WHY") or "", os.environ.get("TO")
    canary = rollout.history.unfinished
    if canary and canary.strategy == CANARY and end(rollout, canary, why) and not to:
        sys.stdout.write(f"the canary of version {canary.version} is undone; {canary.before} is ")
        sys.stdout.write("live as before\n")
        return
    with rollout.locked():
        entry = find_earlier(rollout, to)
        version = rollout.registry.find(entry.version)
        if version is None:
            raise DeployError(f"version {entry.version} is not registered; name another: TO=...")
        if rollout.is_live(version):
            sys.stdout.write(f"{version} is live already\n")
            return
        text = rollout.registry.kept(version, entry.manifests)
        rollout.replace(version, Entry(ROLLBACK, version.number, image=entry.image, why=why), text)
    sys.stdout.write(f"{version} is live in {params.environment} again\n")


def end(rollout: Rollout, canary: Entry, why: str) -> bool:
    """Let a canary be undone, by whoever judges it, else here; return whether it was undone."""
    rollout.registry.note(history.STOP, history.stop(canary, why))
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with rollout.locked():  # undoes it where nobody is left who judges
                ended = rollout.history.entries[canary.number :]
                return bool(ended) and ended[0].what == UNDONE
        except BusyError:
            if time.monotonic() > deadline:
                raise
        time.sleep(PAUSE)


def find_earlier(rollout: Rollout, to: str | None) -> Entry:
    """Return the change that once made live what shall be live again."""
    found = rollout.history
    entry = found.last(to) if to else found.back
    if entry:
        return entry
    if not found.done:
        raise DeployError("nothing was deployed yet, so there is nothing to roll back to")
    been = ", ".join(dict.fromkeys(one.version for one in found.done)) or "none"
    raise DeployError(
        f"{f'version {to} was never live' if to else 'no version was live before this one'}; "
        f"live were: {been}"
    )


if __name__ == "__main__":
    run(main)
