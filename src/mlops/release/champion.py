"""What a challenger is compared with: the version that is live, as it was registered.

Where its files are lost, another version with the same model and package stands in for it.
"""

from pathlib import Path

from mlops.core import hashing
from mlops.release.versions import version_files
from mlops.release.versions.registry import Registry, Version

SAME = ("model.sha256", "bento")  # with these in common two versions predict the same


def twins(registry: Registry, version: Version) -> list[Version]:
    """Return the versions that serve what this one serves, itself among them, the newest first."""
    wanted = {name: version.tags[name] for name in SAME if name in version.tags}
    return registry.versions(**wanted) if len(wanted) == len(SAME) else [version]


def files(registry: Registry, champion: Version, folder: Path) -> tuple[Version, Path | None]:
    """Return the version that stands in for the champion, with its files; None: all are lost."""
    others = [one for one in twins(registry, champion) if one.number != champion.number]
    for version in (champion, *others):
        if found := version_files.whole(registry, version, folder / version.number):
            return version, found
    return champion, None


def lost(version: Version) -> str:
    """Return what to do where the champion can no longer be compared with."""
    return (
        f"its files as they were registered: {version_files.advice(version)} and any challenger "
        "can be compared; or `make rollback` leaves it for a version that was live before"
    )


def is_same_model(one: Path, other: Path) -> bool:
    """Tell whether two releases hold one trained model, by their files."""
    trained = [release / "model" for release in (one, other)]
    return all(map(Path.is_dir, trained)) and len(set(map(hashing.digest, trained))) == 1
