"""Which registered version is meant, and whether it may be deployed."""

from ml.config import Params
from ml.errors import DeployError
from ml.registry import CHALLENGER, CHAMPION, Registry, Version


def chosen(registry: Registry, params: Params, asked: str | None) -> Version:
    """Return the version that was asked for, else the challenger, else the champion."""
    if asked:
        if version := registry.find(asked):
            return version
        known = ", ".join(one.number for one in registry.versions()) or "none"
        raise DeployError(
            f"{registry.name} should have the version {asked} in {params.environment}, has {known}; "
            "name one of them"
        )
    if version := registry.alias(CHALLENGER) or registry.alias(CHAMPION):
        return version
    raise DeployError(
        f"{params.environment} should have a version of {registry.name}, has none; "
        f"run `make train ENV={params.environment}` and `make register ENV={params.environment}`"
    )
