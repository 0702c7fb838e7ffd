"""Make an accepted version live: image, manifests, a pod without traffic, the traffic.

Reads: ENV, VERSION (else the challenger, else the champion), WHY, conf/, the environment's registry
Writes: the image in its registry, what the target runs, alias `champion`, the record of deployments
"""

import os
import sys
import tempfile
from pathlib import Path

import yaml

from ml import signature
from ml.compose import asked
from ml.config import Params
from ml.deploying import images, manifests, versions
from ml.deploying.history import DEPLOY, Entry
from ml.deploying.manifests import Release
from ml.deploying.rollout import Rollout
from ml.errors import run
from ml.registry import CHAMPION, Registry, Version


def main() -> None:
    """Deploy the version that VERSION names."""
    params = asked()
    rollout = Rollout(params)
    with rollout.alone():  # better told now than after the image was built
        version = versions.chosen(rollout.registry, params, os.environ.get("VERSION"))
        check(version, rollout)
    image = images.of(version, rollout.registry, params.deploy)
    if who := signature.signer(params.environment):  # also one that had to be built again
        signature.check(image, who)
    with rollout.alone():
        if rollout.is_live(version):
            sys.stdout.write(f"{version} is live already\n")
            return
        check(version, rollout)  # again: another may have become live meanwhile
        rollout.replace(
            version,
            Entry(DEPLOY, version.number, image=image, why=os.environ.get("WHY") or ""),
            manifests.render(
                release(version, image), configured(version, rollout.registry, params)
            ),
        )
    sys.stdout.write(f"{version} is live in {params.environment}; back: make rollback\n")


def check(version: Version, rollout: Rollout) -> None:
    """Refuse a version that may not be deployed, as things stand now."""
    champion = rollout.registry.alias(CHAMPION)
    if champion is None or champion.number != version.number:
        withdrawn = rollout.history.withdrawn(version.number)
        versions.check_accepted(version, str(champion or "none"), withdrawn)


def release(version: Version, image: str) -> Release:
    """Return what the manifests tell of a version."""
    tags = version.tags
    return Release(image, version.number, tags["model.sha256"], tags["git.commit"])


def configured(version: Version, registry: Registry, params: Params) -> Params:
    """Return the configuration with the sections that a version brings along.

    What it does not know yet is taken from here, what is known no more is left out.
    """
    with tempfile.TemporaryDirectory(prefix="params-") as folder:
        path = registry.download(version, Path(folder), "params.yaml")
        registered = yaml.safe_load(path.read_text(encoding="utf-8"))
    values = params.model_dump()
    for section in ("model", "serving", "resources"):
        known = {
            key: registered[section][key] for key in values[section] if key in registered[section]
        }
        values[section] |= known
    return Params.model_validate(values)


if __name__ == "__main__":
    run(main)
