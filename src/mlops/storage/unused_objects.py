"""The objects of a DVC remote that nothing needs any more, and their end.

Reads: files/md5/ and runs/ of the remote, .dvc/cache
Writes: the remote
"""

import json
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import BotoCoreError, ClientError

from mlops.core.errors import StorageError
from mlops.storage.git_hashes import hashes
from mlops.storage.retention_plan import Item, Plan

ENTRIES, FOLDERS, FILES = "run-cache entries", "DVC folders", "DVC files"
# In this order: a folder must never be there without its files, or DVC takes them to be there.
ORDER = (ENTRIES, FOLDERS, FILES)
OBJECT = re.compile(r"/files/md5/([0-9a-f]{2})/([0-9a-f]{30})(\.dir)?$")
ENTRY = re.compile(r"/runs/[0-9a-f]{2}/[0-9a-f]{64}/[0-9a-f]{64}$")
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
    """The DVC remote of an environment, as it was when it was first looked at."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url
        self._bucket, _, self._prefix = url.removeprefix("s3://").partition("/")

    def plan(self, referenced: set[str], cutoff: float) -> Plan:
        """Tell what was written before `cutoff` and is named nowhere, so that it goes.

        `referenced` is what is named outside of the remote; in it, what stays names more.
        """
        plan, texts = Plan(), self._entries()
        young = [text for one, text in texts.items() if one.written >= cutoff]
        named = referenced.union(*map(hashes, young))
        named |= {f"{oid.removesuffix('.dir')}.dir" for oid in named}  # written without the ending
        kept = named | {one.oid for one in self._objects if one.written >= cutoff}
        kept |= self._listed_in([oid for oid in kept if oid.endswith(".dir")])
        for one, text in texts.items():
            outs = made(text)
            reason = "younger" if one.written >= cutoff else ""
            self._sort(plan, ENTRIES, one, reason or ("used" if outs and outs <= kept else ""))
        for one in self._objects:
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
            keys = [{"Key": item.name} for item in going if item.kind == kind]
            for start in range(0, len(keys), BATCH):
                wanted = {"Objects": keys[start : start + BATCH], "Quiet": True}
                try:
                    done = self._client.delete_objects(Bucket=self._bucket, Delete=wanted)
                except (BotoCoreError, ClientError) as error:
                    raise self._unusable("delete its expired objects", error) from None
                if failed := done.get("Errors"):
                    raise self._unusable("delete its expired objects", failed[0])

    @cached_property
    def _stored(self) -> list[Stored]:
        return list(self._list())

    @cached_property
    def _objects(self) -> list[Stored]:
        return [one for one in self._stored if one.oid]

    @cached_property
    def _keys(self) -> dict[str, str]:
        return {one.oid: one.key for one in self._objects}

    def _list(self) -> Iterator[Stored]:
        pages = self._client.get_paginator("list_objects_v2")
        try:
            for page in pages.paginate(Bucket=self._bucket, Prefix=f"{self._prefix}/"):
                for found in page.get("Contents", []):
                    match = OBJECT.search(found["Key"])
                    if match or ENTRY.search(found["Key"]):
                        oid = "".join(part or "" for part in match.groups()) if match else ""
                        time = found["LastModified"].timestamp()
                        yield Stored(found["Key"], found["Size"], time, oid)
        except (BotoCoreError, ClientError) as error:
            raise self._unusable("list its objects", error) from None

    def _entries(self) -> dict[Stored, str]:
        entries = [one for one in self._stored if not one.oid]
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
            return set()  # nobody can get it from here, with or without its files
        try:
            text = self._read(shared) if shared else cached.read_bytes()
            return {entry["md5"] for entry in json.loads(text)}
        except (ValueError, TypeError, KeyError):
            raise StorageError(
                f"{self._url} should hold the list of files {folder}, but it is broken; "
                "`make verify` heals it, and nothing is deleted before"
            ) from None

    def _read(self, key: str) -> bytes:
        try:
            return bytes(self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read())
        except (BotoCoreError, ClientError) as error:
            raise self._unusable(f"give {key}", error) from None

    def _unusable(self, what: str, error: object) -> StorageError:
        return StorageError(
            f"{self._url} should {what}, but: {error}; the same command again goes on"
        )


def made(entry: str) -> set[str]:
    """Return the hashes of what a run-cache entry restores; none if it cannot be read."""
    try:
        return {out["md5"] for out in yaml.load(entry, LOADER)["outs"]}
    except (yaml.YAMLError, TypeError, KeyError):
        return set()
