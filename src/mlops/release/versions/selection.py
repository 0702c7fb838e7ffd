"""Which registered version is meant, and whether it may be deployed."""

from mlops.config.schema import Params
from mlops.core.errors import DeployError
from mlops.release.versions.history import Entry
from mlops.release.versions.registry import CHALLENGER, CHAMPION, Registry, Version


def select(registry: Registry, params: Params, asked: str | None) -> Version:
    """Return the version that was asked for, else the challenger, else the champion."""
    if asked:
        if version := registry.find(asked):
            return version
        known = ", ".join(one.number for one in registry.versions()) or "none"
        raise DeployError(
            f"{registry.name} has no version {asked} in {params.environment}. Available: {known}"
        )
    if version := registry.alias(CHALLENGER) or registry.alias(CHAMPION):
        return version
    raise DeployError(
        f"{registry.name} has no version in {params.environment}; "
        f"run `make train ENV={params.environment}` and `make register ENV={params.environment}`"
    )


def check_accepted(version: Version, live: str, withdrawn: Entry | None) -> None:
    """Refuse a version that the gate has not accepted, against what is live now."""
    tags = version.tags
    verdict, against = tags.get("gate.verdict"), tags.get("gate.against")
    if withdrawn:
        wrong = f"it was rolled back ({withdrawn.at}: {withdrawn.why or 'no reason given'})"
        fix = f"`make rollback TO={version.number}` brings it back"
    elif verdict is None:
        wrong, fix = "the gate has not evaluated it", "run `make gate`"
    elif verdict != "accepted":
        wrong, fix = f"the gate rejected it ({tags.get('gate.reasons')})", "train a better one"
    elif against != live:
        wrong, fix = f"it was compared with {against}, but {live} is live", "run `make gate` again"
    elif tags.get("git.dirty") != "no" or tags.get("git.commit") == "unknown":
        wrong, fix = "its code was not committed", "commit, train and register again"
    else:
        return
    raise DeployError(f"{version} cannot be deployed: {wrong}; {fix}")
