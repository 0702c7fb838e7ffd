"""Entries of DVC's run-cache: each says which outputs a stage has made of which inputs.

Key and value, the two halves of an entry's name, are hashes of what stands in it: one that was cut
short, or changed by hand, is known by its name.
"""

import re
from pathlib import Path
from typing import Any

from dvc.repo import Repo
from dvc.stage import cache
from dvc.stage.serialize import to_single_stage_lockfile
from dvc.utils.serialize import YAMLError, parse_yaml

# DVC's YAML does not bring other characters back as they were: then the name tells nothing.
PLAIN = re.compile(r"[\n\x20-\x7e\xa0-\u2027\u202f-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*")


def parsed(name: str, text: bytes) -> dict[str, Any] | None:
    """Return what an entry of the name `key/value` says; None if that is not what it was."""
    key, _, value = name.partition("/")
    try:
        plain_text = text.decode()
        said = parse_yaml(plain_text, name)
        plain = {**said, "outs": list(said["outs"])}
        named = cache._get_cache_hash(said) == value
        named &= cache._get_cache_hash(said, key=True) == key
        return plain if named or not PLAIN.fullmatch(plain_text) else None
    except (YAMLError, KeyError, TypeError, ValueError, AttributeError):
        return None


def write(path: Path, text: bytes) -> None:
    """Put an entry into a cache, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.parent.parent / f"{path.name}.partial"  # not beside it: DVC takes what is newest
    partial.write_bytes(text)
    partial.replace(path)


def of_lock(repo: Repo) -> dict[str, tuple[str, str]]:
    """Return key and value of the entry of each stage in the lock, by the stage's name."""
    found = {}
    for stage in repo.index.stages:
        made = stage.cmd and stage.deps and not stage.always_changed  # `dvc add` has no command
        if made and all(item.hash_info for item in (*stage.deps, *stage.outs)):
            key = cache._get_cache_hash(to_single_stage_lockfile(stage), key=True)
            value = cache._get_cache_hash(to_single_stage_lockfile(stage))
            found[stage.addressing] = (key, value)
    return found
