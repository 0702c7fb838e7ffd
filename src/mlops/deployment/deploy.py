"""Make an accepted version live: image, manifests, a pod without traffic, the traffic.

Reads: ENV, VERSION (else the challenger, else the champion), WHY, conf/, the environment's registry
Writes: the image in its registry, what the target runs, alias `champion`, the record of deployments
"""

import os
import sys
import tempfile
from pathlib import Path

import yaml

from mlops.config.schema import Params
from mlops.core.errors import run
from mlops.deployment import manifests
from mlops.deployment.manifests import Release
from mlops.deployment.rollout import Rollout, Trial
from mlops.pipeline.compose import asked
from mlops.release import bounds, images, signing
from mlops.release.versions import selection, version_files
from mlops.release.versions.history import DEPLOY, Entry
from mlops.release.versions.registry import CHAMPION, Registry, Version


def main() -> None:
    """Deploy the version that VERSION names, all of the traffic at once."""
    params = asked()
    deploy(params, Rollout(params))


def deploy(
    params: Params, rollout: Rollout, strategy: str = "", trial: Trial | None = None
) -> None:
    """Deploy the version that VERSION names; a strategy tries it before it is the only one."""
    with rollout.locked():  # better refused now than after the image was built
        version = selection.select(rollout.registry, params, os.environ.get("VERSION"))
        check(version, rollout, params.environment)
    image = images.find(version, rollout.registry, params.deploy)
    if who := signing.signer(params.environment):  # also one that had to be built again
        signing.check(image, who)
    with rollout.locked():
        if rollout.is_live(version):
            sys.stdout.write(f"{version} is live already\n")
            return
        check(version, rollout, params.environment)  # again: another may have become live meanwhile
        why = os.environ.get("WHY") or ""
        rollout.replace(
            version,
            Entry(DEPLOY, version.number, image=image, why=why, strategy=strategy),
            manifests.render(
                release(version, image), restore_params(version, rollout.registry, params)
            ),
            trial,
        )
    sys.stdout.write(
        f"{version} is live in {params.environment}; back: make rollback ENV={params.environment}\n"
    )


def check(version: Version, rollout: Rollout, environment: str) -> None:
    """Refuse a version that may not be deployed, as things stand now."""
    champion, record = rollout.registry.alias(CHAMPION), rollout.history
    live = record.live.version if record.live else None
    # An alias alone makes nothing live: anybody can move one by hand.
    if champion and champion.number == version.number == live:
        return
    selection.check_accepted(version, str(champion or "none"), record.withdrawn(version.number))
    bounds.check(version, environment)


def release(version: Version, image: str) -> Release:
    """Return what the manifests need to know of a version."""
    tags = version.tags
    return Release(image, version.number, tags["model.sha256"], tags["git.commit"], version.created)


def restore_params(version: Version, registry: Registry, params: Params) -> Params:
    """Return the configuration with the sections that a version brings along.

    What it does not know yet is taken from here, what is known no more is left out.
    """
    with tempfile.TemporaryDirectory(prefix="params-") as folder:
        path = version_files.fetch(registry, version, Path(folder), "params.yaml")
        known_then = yaml.safe_load(path.read_text(encoding="utf-8"))
    values = params.model_dump()
    for section in ("model", "serving", "resources"):
        then = known_then[section]
        known = {key: then[key] for key in values[section] if key in then}
        values[section] |= known
    return type(params).model_validate(values)


if __name__ == "__main__":
    run(main)
