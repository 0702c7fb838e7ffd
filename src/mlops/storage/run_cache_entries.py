"""Entries of DVC's run-cache: each says which outputs a stage made of which inputs.

Key and value, the two halves of an entry's name, are hashes of what is in it: one that was cut
short, or changed by hand, does not match its name.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from dvc.repo import Repo
from dvc.stage import cache
from dvc.stage.serialize import to_single_stage_lockfile
from dvc.utils.serialize import YAMLError, parse_yaml

from mlops.storage.bucket import Bucket

NAME = re.compile(r"(?:runs/)?([0-9a-f]{2})/(\1[0-9a-f]{62}/[0-9a-f]{64})$")
# DVC's YAML does not read other characters back as they were: then the name proves nothing.
PLAIN = re.compile(r"[\n\x20-\x7e\xa0-\u2027\u202f-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*")


def parse_entry(name: str, text: bytes) -> dict[str, Any] | None:
    """Return the content of the entry `key/value`; None if it does not match that name."""
    key, _, value = name.partition("/")
    try:
        plain_text = text.decode()
        entry = parse_yaml(plain_text, name)
        plain = {**entry, "outs": list(entry["outs"])}
        named = cache._get_cache_hash(entry) == value
        named &= cache._get_cache_hash(entry, key=True) == key
        return plain if named or not PLAIN.fullmatch(plain_text) else None
    except (YAMLError, KeyError, TypeError, ValueError, AttributeError):
        return None


def write_entry(path: Path, text: bytes) -> None:
    """Write an entry to a cache, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.parent.parent / f"{path.name}.partial"  # not beside it: DVC takes the newest
    partial.write_bytes(text)
    partial.replace(path)


def read_lock(repo: Repo) -> dict[str, tuple[str, str]]:
    """Return key and value of the entry of each stage in the lock, by the stage's name."""
    found = {}
    for stage in repo.index.stages:
        made = stage.cmd and stage.deps and not stage.always_changed  # `dvc add` has no command
        if made and all(item.hash_info for item in (*stage.deps, *stage.outs)):
            key = cache._get_cache_hash(to_single_stage_lockfile(stage), key=True)
            value = cache._get_cache_hash(to_single_stage_lockfile(stage))
            found[stage.addressing] = (key, value)
    return found


class LocalEntries:
    """The entries on this machine."""

    place = "cache"

    def __init__(self, cache: Path) -> None:
        self._runs = cache / "runs"

    def names(self) -> Iterator[str]:
        """Yield the names of all entries."""
        for path in sorted(self._runs.glob("??/*/*")):
            if match := NAME.match(str(path.relative_to(self._runs))):
                yield match[2]

    def read(self, name: str) -> bytes:
        """Return the text of an entry."""
        return self._path(name).read_bytes()

    def remove(self, name: str) -> None:
        """Remove an entry."""
        self._path(name).unlink(missing_ok=True)
        with suppress(OSError):
            self._path(name).parent.rmdir()  # DVC fails where a key has no entry left

    def _path(self, name: str) -> Path:
        return self._runs / name[:2] / name


class RemoteEntries:
    """The entries in a remote."""

    place = "remote"

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def names(self) -> Iterator[str]:
        """Yield the names of all entries."""
        for key, _ in self._bucket.list("runs/"):
            if match := NAME.match(key):
                yield match[2]

    def read(self, name: str) -> bytes:
        """Return the text of an entry."""
        return self._bucket.read(f"runs/{name[:2]}/{name}")

    def remove(self, name: str) -> None:
        """Remove an entry."""
        self._bucket.remove(f"runs/{name[:2]}/{name}")


Entries = LocalEntries | RemoteEntries
