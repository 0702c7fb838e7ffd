"""The objects that dvc.lock names, looked at on each side by their content and not by their dates.

An object lies in the cache, in the environment's remote and, checked out, in the work tree.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from dvc.repo import Repo

MISSING = ("404", "NoSuchKey", "NotFound")


@dataclass(frozen=True)
class Object:
    """A file of an output: its path in the work tree, its MD5, and where the cache has it.

    `folder` is the list of files in which it stands: where that is, DVC takes it to be there, too.
    """

    path: Path
    oid: str
    cached: Path
    folder: "Object | None" = None

    @property
    def md5(self) -> str:
        """Return the hash of its content; that of a folder's list of files has a suffix."""
        return self.oid.removesuffix(".dir")


def visit(
    repo: Repo, look: Callable[[Object], None], read: Callable[[Object], bytes | None]
) -> None:
    """Show all objects that the lock names; a folder before its files, whose list `read` gives.

    A folder whose list is nowhere shows that list alone.
    """
    for stage in repo.index.stages:
        for out in stage.outs:
            if not (out.use_cache and out.hash_info):
                continue
            path = Path(out.fs_path).relative_to(repo.root_dir)
            place = repo.cache.local.oid_to_path
            oid = out.hash_info.value
            whole = Object(path, oid, Path(place(oid)))
            look(whole)
            if out.hash_info.isdir and (found := read(whole)):
                for entry in json.loads(found):
                    cached = Path(place(entry["md5"]))
                    look(Object(path / entry["relpath"], entry["md5"], cached, whole))


class Folder:
    """A side on this machine: the cache, or the work tree."""

    def __init__(self, name: str, cached: bool) -> None:
        self.name = name
        self._cached = cached

    def place(self, one: Object) -> Path:
        """Return the file of an object."""
        return one.cached if self._cached else one.path

    def whole(self, one: Object) -> bool | None:
        """Tell whether it has this content; None if it is not there."""
        path = self.place(one)
        return md5(path) == one.md5 if path.is_file() else None

    def read(self, one: Object, target: Path) -> None:
        """Copy an object to a file."""
        shutil.copyfile(self.place(one), target)

    def write(self, one: Object, source: Path) -> None:
        """Take a file as this object, whole or not at all."""
        path = self.place(one)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.partial")
        shutil.copyfile(source, partial)
        partial.chmod(0o444)  # as DVC protects what it has in its cache
        partial.replace(path)

    def remove(self, one: Object) -> None:
        """Remove an object."""
        self.place(one).unlink(missing_ok=True)


class Bucket:
    """The side on S3."""

    name = "remote"

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._bucket, _, self._prefix = url.removeprefix("s3://").partition("/")

    def key(self, one: Object) -> str:
        """Return the name of an object in the bucket."""
        return f"{self._prefix}/files/md5/{one.oid[:2]}/{one.oid[2:]}"

    def whole(self, one: Object) -> bool | None:
        """Tell whether it has this content; None if it is not there."""
        place = {"Bucket": self._bucket, "Key": self.key(one)}
        try:
            found = self._client.head_object(**place)
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return None
            raise
        if "-" not in found["ETag"]:  # uploaded in one piece: S3's own hash is the MD5
            return bool(found["ETag"].strip('"') == one.md5)
        total = hashlib.md5(usedforsecurity=False)
        for block in self._client.get_object(**place)["Body"].iter_chunks(2**20):
            total.update(block)
        return total.hexdigest() == one.md5

    def read(self, one: Object, target: Path) -> None:
        """Copy an object to a file."""
        self._client.download_file(self._bucket, self.key(one), str(target))

    def write(self, one: Object, source: Path) -> None:
        """Take a file as this object."""
        self._client.upload_file(str(source), self._bucket, self.key(one))

    def remove(self, one: Object) -> None:
        """Remove an object."""
        self._client.delete_object(Bucket=self._bucket, Key=self.key(one))


Side = Folder | Bucket


@contextmanager
def copied(good: Side, one: Object) -> Iterator[Path]:
    """Give a copy of an object while the block runs."""
    with tempfile.TemporaryDirectory(prefix="verify-") as folder:
        copy = Path(folder) / "object"
        good.read(one, copy)
        yield copy


def md5(path: Path) -> str:
    """Return the MD5 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
