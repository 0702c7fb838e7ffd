"""Where run-cache entries lie: in the cache of this machine, and in the environment's remote."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

NAME = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62}/[0-9a-f]{64})$")


class LocalRuns:
    """The entries of this machine."""

    place = "cache"

    def __init__(self, cache: Path) -> None:
        self._runs = cache / "runs"

    def names(self) -> Iterator[str]:
        """Give the names of all entries."""
        for path in sorted(self._runs.glob("??/*/*")):
            if match := NAME.search(str(path.relative_to(self._runs))):
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


class SharedRuns:
    """The entries of a remote."""

    place = "remote"

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._bucket, _, prefix = url.removeprefix("s3://").partition("/")
        self._runs = f"{prefix}/runs/"

    def names(self) -> Iterator[str]:
        """Give the names of all entries."""
        pages = self._client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._bucket, Prefix=self._runs):
            for found in page.get("Contents", []):
                if match := NAME.fullmatch(found["Key"].removeprefix(self._runs)):
                    yield match[2]

    def read(self, name: str) -> bytes:
        """Return the text of an entry."""
        found = self._client.get_object(Bucket=self._bucket, Key=self._key(name))
        text: bytes = found["Body"].read()
        return text

    def remove(self, name: str) -> None:
        """Remove an entry."""
        self._client.delete_object(Bucket=self._bucket, Key=self._key(name))

    def _key(self, name: str) -> str:
        return f"{self._runs}{name[:2]}/{name}"


Runs = LocalRuns | SharedRuns
