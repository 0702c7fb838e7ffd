"""The file or folder of this machine that a configured source means: what is hashed and read."""

import os.path
import re
from pathlib import Path

from mlops.core import paths


def path(source: str) -> Path | None:
    """Return the local path that a source names, nothing for one behind any other address.

    As fsspec reads it: `~` and `~user` are home folders, `file:` and `file://` say nothing, and
    `%20` is no space. A relative path begins at the project's folder.
    """
    plain = re.sub(r"^(file:(//)?|local:(?!//))", "", source)
    if not plain or source.startswith(("hf:", "data:")) or "://" in plain:
        return None
    return Path(os.path.expanduser(plain)) if plain.startswith("~") else Path(plain)  # noqa: PTH111


def found(path: Path) -> Path:
    """Return where a path of the project lies, seen from the current folder.

    A queued DVC experiment runs in a copy of what Git knows: what Git ignores is where it was.
    """
    here, there = Path.cwd() / path, paths.home() / path
    return there if not here.exists() and there.exists() else here


def tracker(path: Path) -> Path | None:
    """Return the .dvc file beside a path, or beside a folder above it, that names its content."""
    for one in (path, *path.parents):
        if one.name and (file := one.with_name(f"{one.name}.dvc")).is_file():
            return file
    return None
