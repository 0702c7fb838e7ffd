"""The data of a run, where they are now: the files that it read, else what it made of them.

Reads: local files that params.yaml names, the DVC cache of the work tree, the environment's remote
Writes: the clone
"""

import logging
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlops.core import dvc_lock, hashing
from mlops.core.errors import KnownError
from mlops.lineage.clone import Clone
from mlops.pipeline import snapshot
from mlops.storage import remote

log = logging.getLogger(__name__)

RAW = "data/raw"


def lend(clone: Clone, values: Mapping[str, Any]) -> dict[str, str]:
    """Give the clone the local files that the run read; return what of them is gone or changed.

    Each is known by the hash that `compose` took of it.
    """
    missing = {}
    for name, paths in snapshot.local(values).items():
        wanted = (values.get("snapshot") or {}).get(name)
        if not wanted:  # a name in the hub, that no local folder had
            continue
        state = "is gone"
        for place in paths:
            there, here = clone.folder / place, Path.cwd() / place
            if there.exists() and hashing.digest(there) == wanted:
                break
            if here.exists() and hashing.digest(here) == wanted:
                there.parent.mkdir(parents=True, exist_ok=True)
                _remove(there)  # the commit's own file, which is not what the run read
                there.symlink_to(here)
                break
            state = "has changed" if here.exists() else state
        else:
            missing[name] = f"{paths[0]} {state}"
    return missing


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def outside(values: Mapping[str, Any]) -> bool:
    """Return whether others can change the data: on a server or in a hub."""
    named = (values.get("data", {}).get(f"{split}_path") for split in ("train", "val", "test"))
    return any("://" in path or path.startswith("hf:") for path in named if path)


def fetch(clone: Clone, locked: bytes, environment: str) -> str:
    """Bring data/raw by its recorded hash; return where it was found, or nothing."""
    wanted = dvc_lock.hashes(locked.decode()).get(RAW)
    path = clone.folder / dvc_lock.LOCK
    path.write_bytes(locked)
    try:
        for name, place in _remotes(clone, environment):
            done = clone.dvc("pull", "--quiet", "--force", "--remote", name, RAW) == 0
            if done and hashing.dvc(clone.folder / RAW) == wanted:
                return place
    finally:
        path.unlink()
    return ""


def _remotes(clone: Clone, environment: str) -> Iterator[tuple[str, str]]:
    """Name the remotes of DVC to ask, and what they are for a person."""
    command = [sys.executable, "-m", "dvc", "cache", "dir"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    cache = done.stdout.strip()
    if done.returncode == 0 and Path(cache).is_dir():
        # A cache has the layout of a remote.
        clone.dvc("remote", "add", "--quiet", "--local", "--force", "own-cache", cache)
        yield "own-cache", "the DVC cache of this project"
    if f'remote "{environment}"' in (clone.folder / ".dvc" / "config").read_text(encoding="utf-8"):
        try:
            remote.check(environment)  # DVC itself asks for a minute where nobody answers
        except KnownError as error:
            log.warning("%s", error)
        else:
            yield environment, f"the DVC remote of {environment}"
