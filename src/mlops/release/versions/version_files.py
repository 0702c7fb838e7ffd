"""The files of a registered version: where they lie, and whether they are still its own.

Each version has a folder of its own, named by its content. Up to 0.4.0 all versions of one run
shared a folder, so that a later one overwrote the files of the earlier.

Reads: the registry of the environment
"""

from pathlib import Path
from typing import Any, Protocol

import yaml

from mlops.core import hashing
from mlops.core.errors import DeployError, KnownError
from mlops.release.versions.registry import SHARED, Version

PARTS = ("bento", "model", "reports")
WHOLE, VALUES = "release.sha256", "params.yaml"


class Holds(Protocol):
    """What is asked of a registry here."""

    name: str

    def versions(self, **tags: str) -> list[Version]:
        """Return the versions that have these tags, the newest first."""

    def download(self, version: Version, folder: Path, part: str = "") -> Path:
        """Bring the files of a version, or a part of them, here; return where they lie."""


def tags(release: Path) -> dict[str, str]:
    """Return the hashes by which the files of a version, and each part of them, are known again."""
    parts = {f"files.{name}.sha256": hashing.digest(release / name) for name in PARTS}
    values = hashing.digest(release / VALUES)
    return {WHOLE: hashing.digest(release), "params.sha256": values, **parts}


def fetch(registry: Holds, version: Version, folder: Path, part: str) -> Path:
    """Bring a part of a version's files here; refuse what is not as it was registered."""
    known = version.tags.get("params.sha256" if part == VALUES else f"files.{part}.sha256")
    found = registry.download(version, folder, part if known else "")
    wanted = known or version.tags.get(WHOLE, "none")
    if hashing.digest(found) != wanted:
        raise DeployError(f"{damaged(registry, version)}; {advice(version)}")
    return found if known else found / part


def whole(registry: Holds, version: Version, folder: Path) -> Path | None:
    """Bring all files of a version here; nothing where they are not as they were registered."""
    try:
        found = registry.download(version, folder)
    except KnownError:
        return None
    return found if hashing.digest(found) == version.tags.get(WHOLE) else None


def values(release: Path) -> dict[str, Any]:
    """Return the configuration that a version was made with; nothing where it cannot be read."""
    try:
        found = yaml.safe_load((release / VALUES).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}


def overwritten(registry: Holds, version: Version) -> Version | None:
    """Return the version whose files lie where those of this one lay, if there is one."""
    if not version.source.endswith(f"/{SHARED}"):
        return None
    later = [
        one
        for one in registry.versions()
        if one.source == version.source
        and int(one.number) > int(version.number)
        and one.tags.get(WHOLE) != version.tags.get(WHOLE)
    ]
    return later[0] if later else None


def damaged(registry: Holds, version: Version) -> str:
    """Return what happened to files that are not as they were registered."""
    if later := overwritten(registry, version):
        return f"the files of {version} were overwritten when {later} was registered"
    return f"the files of {version} are not those that were registered"


def advice(version: Version) -> str:
    """Return how to get back a version whose files are lost."""
    env = version.tags.get("environment", "dev")
    commit = version.tags.get("git.commit", "unknown")[:12]
    return (
        f"check out its commit ({commit}), then `make train ENV={env}` and "
        f"`make register ENV={env}` register it again"
    )
