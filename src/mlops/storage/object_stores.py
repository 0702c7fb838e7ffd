"""The objects that dvc.lock names, compared in each store by their content and not their dates.

An object is in the cache, in the environment's remote and, checked out, in the work tree.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError
from dvc.repo import Repo

from mlops.storage.bucket import Bucket

MISSING = ("404", "NoSuchKey", "NotFound")


@dataclass(frozen=True)
class Object:
    """A file of an output: its path in the work tree, its MD5, and where the cache has it.

    `folder` is the list of files that names it: where that is, DVC takes the file to be there, too.
    """

    path: Path
    oid: str
    cached: Path
    folder: "Object | None" = None

    @property
    def md5(self) -> str:
        """Return the hash of its content; that of a folder's list of files has a suffix."""
        return self.oid.removesuffix(".dir")


def list_objects(repo: Repo, read: Callable[[Object], bytes | None]) -> Iterator[Object]:
    """Yield all objects that the lock names; a folder before its files, whose list `read` returns.

    Of a folder without a readable list, that list alone.
    """
    place = repo.cache.local.oid_to_path
    for stage in repo.index.stages:
        for out in stage.outs:
            if not (out.use_cache and out.hash_info):
                continue
            path = Path(out.fs_path).relative_to(repo.root_dir)
            oid = out.hash_info.value
            whole = Object(path, oid, Path(place(oid)))
            yield whole
            if out.hash_info.isdir and (found := read(whole)):
                for entry in json.loads(found):
                    cached = Path(place(entry["md5"]))
                    yield Object(path / entry["relpath"], entry["md5"], cached, whole)


class LocalStore:
    """A store on this machine: the cache, or the work tree."""

    def __init__(self, name: str, cached: bool) -> None:
        self.name = name
        self._cached = cached

    def is_intact(self, one: Object) -> bool | None:
        """Return whether it has this content; None if it has no such object."""
        path = self._path(one)
        return md5(path) == one.md5 if path.is_file() else None

    def read(self, one: Object, target: Path) -> None:
        """Copy an object to a file."""
        shutil.copyfile(self._path(one), target)

    def write(self, one: Object, source: Path) -> None:
        """Store a file as this object, whole or not at all."""
        path = self._path(one)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.partial")
        shutil.copyfile(source, partial)
        partial.chmod(0o444)  # as DVC protects its cache
        partial.replace(path)

    def remove(self, one: Object) -> None:
        """Remove an object."""
        self._path(one).unlink(missing_ok=True)

    def _path(self, one: Object) -> Path:
        return one.cached if self._cached else one.path


class RemoteStore:
    """The remote, on S3."""

    name = "remote"

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def is_intact(self, one: Object) -> bool | None:
        """Return whether it has this content; None if it has no such object."""
        place = self._place(one)
        try:
            found = self._bucket.client.head_object(**place)
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return None
            raise
        if "-" not in found["ETag"]:  # uploaded in one piece: S3's own hash is the MD5
            return bool(found["ETag"].strip('"') == one.md5)
        total = hashlib.md5(usedforsecurity=False)
        for block in self._bucket.client.get_object(**place)["Body"].iter_chunks(2**20):
            total.update(block)
        return total.hexdigest() == one.md5

    def read(self, one: Object, target: Path) -> None:
        """Copy an object to a file."""
        self._bucket.client.download_file(**self._place(one), Filename=str(target))

    def write(self, one: Object, source: Path) -> None:
        """Store a file as this object."""
        self._bucket.client.upload_file(**self._place(one), Filename=str(source))

    def remove(self, one: Object) -> None:
        """Remove an object."""
        self._bucket.client.delete_object(**self._place(one))

    def _place(self, one: Object) -> dict[str, str]:
        return self._bucket.place(f"files/md5/{one.oid[:2]}/{one.oid[2:]}")


Store = LocalStore | RemoteStore


@contextmanager
def copied(good: Store, one: Object) -> Iterator[Path]:
    """Give a copy of an object while the block runs."""
    with tempfile.TemporaryDirectory(prefix="verify-") as folder:
        copy = Path(folder) / "object"
        good.read(one, copy)
        yield copy


def md5(path: Path) -> str:
    """Return the MD5 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
