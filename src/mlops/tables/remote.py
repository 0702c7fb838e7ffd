"""Look at remote sources as they are now, and find in them what was pinned."""

from collections.abc import Mapping
from typing import Any

from mlops.core.errors import DataError
from mlops.tables.pins import FIX, LOCK, File, Pin
from mlops.tables.readers import shards
from mlops.tables.readers.shards import Shard

# What distinguishes one content from another, the best first; stores have one or the other.
CHECKSUMS = (
    "ETag", "etag", "md5Hash", "Content-MD5", "checksum",
    "mtime", "Last-Modified", "LastModified", "last_modified", "created",
)  # fmt: skip


def take(url: str) -> list[File]:
    """Return the files of a source as they are now."""
    return [_file(url, shard) for shard in shards.find(url, ())]


def find(url: str, pin: Pin, needed: tuple[str, ...]) -> list[Shard]:
    """Return the pinned files, each in its pinned version; refuse others in their place."""
    if all(file.version for file in pin.files):  # then what lies there now does not matter
        system, root = shards.connect(url)
        return [
            Shard(system, f"{root}{file.name}", f"{url}{file.name}", needed, file.version)
            for file in pin.files
        ]
    present = {_file(url, shard).name: shard for shard in shards.find(url, needed)}
    return [_pinned(url, file, present) for file in pin.files]


def _pinned(url: str, file: File, present: Mapping[str, Shard]) -> Shard:
    shard = present.get(file.name)
    now = _file(url, shard) if shard else None
    if shard and now and (now.size, now.etag) == (file.size, file.etag):
        return shard
    found = f"has {now.size:,} bytes and etag {now.etag}" if now else "is gone"
    raise DataError(
        f"{url}{file.name} {found}, expected {file.size:,} bytes and etag {file.etag} as pinned in "
        f"{LOCK}; its store keeps no versions: {FIX}"
    )


def _file(url: str, shard: Shard) -> File:
    info: Mapping[str, Any] = shard.info
    found = [info[name] for name in CHECKSUMS if info.get(name)]
    if not found:
        raise DataError(
            f"{shard.name} cannot be pinned: its store has neither checksum nor time of change; "
            "copy the data to a local folder or to S3"
        )
    version = info.get("VersionId")
    return File(
        shard.name.removeprefix(url),
        int(info["size"]),
        str(found[0]).strip('"'),
        version if version and version != "null" else None,
    )
