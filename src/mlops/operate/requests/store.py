"""Where logged requests are kept: objects of an S3 server, or files of a folder."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from mlops.core.errors import OperateError

GONE = ("NoSuchKey", "404", "NotFound")


class Store(Protocol):
    """Objects by their keys; what cannot be reached raises OperateError."""

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Give key and size of the objects below a prefix, by their keys."""

    def read(self, key: str) -> bytes | None:
        """Return the content of an object; nothing where it is gone."""

    def write(self, key: str, content: bytes) -> None:
        """Write an object, whole or not at all, over one of this key."""

    def remove(self, key: str) -> None:
        """Remove an object, also one that is gone."""


class S3:
    """Keys below a prefix of a bucket."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._bucket, _, prefix = url.removeprefix("s3://").strip("/").partition("/")
        self._prefix = f"{prefix}/" if prefix else ""
        patience = Config(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 1})
        self._client = boto3.Session().client("s3", config=patience)

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """List, a page at a time."""
        pages = self._client.get_paginator("list_objects_v2")
        try:
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix):
                for one in page.get("Contents", []):
                    yield one["Key"].removeprefix(self._prefix), one["Size"]
        except (BotoCoreError, ClientError) as error:
            raise self._failed(error) from None

    def read(self, key: str) -> bytes | None:
        """Read the object."""
        try:
            return bytes(self._client.get_object(**self._place(key))["Body"].read())
        except (BotoCoreError, ClientError) as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] in GONE:
                return None
            raise self._failed(error) from None

    def write(self, key: str, content: bytes) -> None:
        """Put the object."""
        try:
            self._client.put_object(**self._place(key), Body=content)
        except (BotoCoreError, ClientError) as error:
            raise self._failed(error) from None

    def remove(self, key: str) -> None:
        """Delete the object."""
        try:
            self._client.delete_object(**self._place(key))
        except (BotoCoreError, ClientError) as error:
            raise self._failed(error) from None

    def _place(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + key}

    def _failed(self, error: Any) -> OperateError:
        named = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        return OperateError(
            f"cannot use {self._url} at {named or 'AWS (AWS_ENDPOINT_URL is not set)'}: {error}; "
            "check request_log.url, the credentials and that the server runs"
        )


class Folder:
    """Files below a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """List the files."""
        for path in sorted((self._root / prefix).rglob("*.parquet")):
            yield path.relative_to(self._root).as_posix(), path.stat().st_size

    def read(self, key: str) -> bytes | None:
        """Read the file."""
        path = self._root / key
        return path.read_bytes() if path.exists() else None

    def write(self, key: str, content: bytes) -> None:
        """Write the file beside its place, then move it there."""
        path = self._root / key
        partial = path.with_name(f".{path.name}.partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(content)
            partial.replace(path)
        except OSError as error:
            raise OperateError(f"cannot write {path} ({error.strerror}); make room") from None

    def remove(self, key: str) -> None:
        """Remove the file."""
        (self._root / key).unlink(missing_ok=True)


def open_store(url: str) -> Store:
    """Return the store at a URL, or in a folder."""
    if url.startswith("s3://"):
        return S3(url)
    if "://" in url:
        raise OperateError(f"request_log.url: expected s3://<bucket>/... or a folder, found {url}")
    return Folder(Path(url))
