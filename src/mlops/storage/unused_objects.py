"""Find and delete the objects of a DVC remote that nothing needs any more.

Reads: files/md5/ and runs/ of the remote, .dvc/cache
Writes: the remote
"""

import json
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import BotoCoreError, ClientError

from mlops.core.errors import StorageError
from mlops.storage.bucket import Bucket
from mlops.storage.git_hashes import find_hashes
from mlops.storage.retention_plan import Item, Plan

ENTRIES, FOLDERS, FILES = "run-cache entries", "DVC folders", "DVC files"
# In this order: a folder must never be there without its files, or DVC takes them to be there.
ORDER = (ENTRIES, FOLDERS, FILES)
OBJECT = re.compile(r"files/md5/([0-9a-f]{2})/([0-9a-f]{30})(\.dir)?$")
ENTRY = re.compile(r"runs/[0-9a-f]{2}/[0-9a-f]{64}/[0-9a-f]{64}$")
CACHE = Path(".dvc/cache/files/md5")
THREADS = 16
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C where it is there
BATCH = 1000  # as many as S3 deletes at once


@dataclass(frozen=True)
class Stored:
    """An object as the remote lists it; `oid` is DVC's name of it, empty for a run-cache entry."""

    key: str
    size: int
    written: float
    oid: str


class Remote:
    """The DVC remote of an environment."""

    def __init__(self, client: Any, url: str) -> None:
        self._url = url
        self._bucket = Bucket(client, url)
        self._keys: dict[str, str] = {}

    def plan(self, referenced: set[str], cutoff: float) -> Plan:
        """Plan to delete what was written before `cutoff` and is named nowhere.

        `referenced` is what is named outside of the remote; in it, what stays names more.
        """
        plan, stored = Plan(), list(self._list())
        objects = [one for one in stored if one.oid]
        self._keys = {one.oid: one.key for one in objects}
        texts = self._read_all([one for one in stored if not one.oid])
        young = [text for one, text in texts.items() if one.written >= cutoff]
        named = referenced.union(*map(find_hashes, young))
        named |= {f"{oid.removesuffix('.dir')}.dir" for oid in named}  # written without the ending
        kept = named | {one.oid for one in objects if one.written >= cutoff}
        kept |= self._listed_in([oid for oid in kept if oid.endswith(".dir")])
        for one, text in texts.items():
            outs = list_outputs(text)
            reason = "younger" if one.written >= cutoff else ""
            self._sort(plan, ENTRIES, one, reason or ("used" if outs and outs <= kept else ""))
        for one in objects:
            kind = FOLDERS if one.oid.endswith(".dir") else FILES
            reason = "used" if one.oid in kept and one.written < cutoff else ""
            self._sort(plan, kind, one, "younger" if one.written >= cutoff else reason)
        plan.going.sort(key=lambda item: (ORDER.index(item.kind), item.name))
        return plan

    @staticmethod
    def _sort(plan: Plan, kind: str, one: Stored, reason: str) -> None:
        if reason:
            plan.stay(kind, reason)
        else:
            plan.going.append(Item(kind, one.key, one.size))

    def delete(self, going: Sequence[Item]) -> None:
        """Delete objects, in their order; what was deleted before a failure stays deleted."""
        for kind in ORDER:
            keys = [
                {"Key": self._bucket.place(item.name)["Key"]} for item in going if item.kind == kind
            ]
            for start in range(0, len(keys), BATCH):
                wanted = {"Objects": keys[start : start + BATCH], "Quiet": True}
                with self._known_errors("delete expired objects"):
                    done = self._bucket.client.delete_objects(
                        Bucket=self._bucket.name, Delete=wanted
                    )
                if failed := done.get("Errors"):
                    raise self._unusable("delete expired objects", failed[0])

    def _list(self) -> Iterator[Stored]:
        with self._known_errors("list objects"):
            for key, found in self._bucket.list():
                match = OBJECT.match(key)
                if match or ENTRY.match(key):
                    oid = "".join(part or "" for part in match.groups()) if match else ""
                    yield Stored(key, found["Size"], found["LastModified"].timestamp(), oid)

    def _read_all(self, entries: list[Stored]) -> dict[Stored, str]:
        with ThreadPoolExecutor(THREADS) as pool:
            texts = list(pool.map(lambda one: self._read(one.key), entries))
        return {
            one: text.decode("utf-8", "replace") for one, text in zip(entries, texts, strict=True)
        }

    def _listed_in(self, folders: list[str]) -> set[str]:
        """Return the files of these folders."""
        with ThreadPoolExecutor(THREADS) as pool:
            return set().union(*pool.map(self._files, folders))

    def _files(self, folder: str) -> set[str]:
        """Return the files of a folder, as the remote or else the cache knows it."""
        shared = self._keys.get(folder)
        cached = CACHE / folder[:2] / folder[2:]
        if shared is None and not cached.is_file():
            return set()  # it cannot be had from here, with or without its files
        try:
            text = self._read(shared) if shared else cached.read_bytes()
            return {entry["md5"] for entry in json.loads(text)}
        except (ValueError, TypeError, KeyError):
            raise StorageError(
                f"the list of files {folder} in {self._url} is broken; nothing is deleted "
                "until `make verify` has repaired it"
            ) from None

    def _read(self, key: str) -> bytes:
        with self._known_errors(f"read {key}"):
            return self._bucket.read(key)

    @contextmanager
    def _known_errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise self._unusable(what, error) from None

    def _unusable(self, what: str, error: object) -> StorageError:
        return StorageError(
            f"cannot {what} in {self._url}: {error}; the same command again continues"
        )


def list_outputs(entry: str) -> set[str]:
    """Return the hashes that a run-cache entry restores; none if it cannot be read."""
    try:
        return {out["md5"] for out in yaml.load(entry, LOADER)["outs"]}
    except (yaml.YAMLError, TypeError, KeyError):
        return set()
