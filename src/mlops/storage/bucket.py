"""The bucket and the folder in it where an environment's DVC remote is."""

from collections.abc import Iterator
from typing import Any


class Bucket:
    """What DVC's remote of an environment holds, by keys relative to its folder."""

    def __init__(self, client: Any, url: str) -> None:
        self.client = client
        self.name, _, self._prefix = url.removeprefix("s3://").partition("/")

    def place(self, key: str) -> dict[str, str]:
        """Return what the client wants to know of an object."""
        return {"Bucket": self.name, "Key": f"{self._prefix}/{key}"}

    def list(self, folder: str = "", **options: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield key and properties of all objects in a folder."""
        pages = self.client.get_paginator("list_objects_v2")
        start = f"{self._prefix}/"
        for page in pages.paginate(Bucket=self.name, Prefix=start + folder, **options):
            for found in page.get("Contents", []):
                yield found["Key"].removeprefix(start), found

    def read(self, key: str) -> bytes:
        """Return the content of an object."""
        return bytes(self.client.get_object(**self.place(key))["Body"].read())

    def remove(self, key: str) -> None:
        """Remove an object."""
        self.client.delete_object(**self.place(key))
