"""Whether a commit carries its data: in Git, by a .dvc file beside them, or at an address.

Reads: the Git repository, *.dvc
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops.tables import local

Data = Mapping[str, Any]  # the section of params.yaml, unchecked: the summary has no time for more


def sources(data: Data) -> dict[str, Path]:
    """Return the configured sources that are files or folders of this machine, by their keys."""
    named = {key: data.get(key) for key in ("train_path", "val_path", "test_path")}
    found = {key: local.path(path) for key, path in named.items() if path and path != "synthetic"}
    return {f"data.{key}": path for key, path in found.items() if path}


def untracked(data: Data) -> list[str]:
    """Say of each source that no commit carries what to do: a clone, as CI is, could not train."""
    return [
        f"{key}: {path} {reason}"
        for key, path in sources(data).items()
        if local.found(path).exists() and not local.tracker(path) and (reason := _untracked(path))
    ]


def absent(data: Data) -> list[Path]:
    """Return the .dvc files that name sources which are not here."""
    paths = [path for path in sources(data).values() if not local.found(path).exists()]
    return [file for path in paths if (file := local.tracker(path))]


def inside(path: Path) -> bool:
    """Tell whether a path, or what it leads to, lies in the project."""
    return path.resolve().is_relative_to(Path.cwd().resolve())


def _untracked(path: Path) -> str:
    if not inside(path):
        return (
            "is outside the repository, so a clone (as CI is) cannot train; "
            f"make experiment DATA={path} copies it, or name an address (s3://...)"
        )
    try:
        done = subprocess.run(
            ["git", "check-ignore", "--quiet", "--", str(path)], capture_output=True, check=False
        )
    except OSError:  # no Git: compose goes without it, too
        return ""
    ignored = "is ignored by Git and not tracked by DVC, so a clone (as CI is) cannot train; "
    return f"{ignored}dvc add {path}" if done.returncode == 0 else ""
