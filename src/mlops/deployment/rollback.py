"""Bring a version back that was live before, with the manifests that it had then.

Reads: ENV, TO (else the version that was live before), WHY, conf/, the environment's registry
Writes: what the target runs, alias `champion`, the record of deployments, by which the gate rejects
    the version that was left
"""

import os
import sys

from mlops.core.errors import DeployError, run
from mlops.deployment.rollout import Rollout
from mlops.pipeline.compose import asked
from mlops.release.versions.history import ROLLBACK, Entry


def main() -> None:
    """Roll back."""
    params = asked()
    rollout = Rollout(params)
    why = os.environ.get("WHY") or ""
    with rollout.locked():
        entry = find_earlier(rollout, os.environ.get("TO"))
        version = rollout.registry.find(entry.version)
        if version is None:
            raise DeployError(f"version {entry.version} is not registered; name another: TO=...")
        if rollout.is_live(version):
            sys.stdout.write(f"{version} is live already\n")
            return
        text = rollout.registry.kept(version, entry.manifests)
        rollout.replace(version, Entry(ROLLBACK, version.number, image=entry.image, why=why), text)
    sys.stdout.write(f"{version} is live in {params.environment} again\n")


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
