"""Which objects of a real remote go: old ones that nothing names."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import servers
from local_platform.servers import Platform
from mlops.core.errors import StorageError
from mlops.storage import unused_objects
from mlops.storage.unused_objects import Remote

pytestmark = pytest.mark.integration

USED, UNUSED, FRESH, INSIDE, LOOSE = (letter * 32 for letter in "abcde")
FOLDER = "f" * 32 + ".dir"


class Bucket:
    """The remote of one test."""

    def __init__(self, client: Any, prefix: str) -> None:
        self.client, self.prefix = client, prefix

    def put(self, oid: str, content: object = b"0123456789") -> float:
        """Store an object under DVC's name for it; return when, as the server says."""
        return self.write(f"files/md5/{oid[:2]}/{oid[2:]}", content)

    def entry(self, number: int, out: str) -> str:
        """Store a run-cache entry that restores an object, return its key."""
        key = f"runs/00/{number:064}/{number:064}"
        self.write(key, f"cmd: x\nouts:\n- path: out\n  md5: {out}\n".encode())
        return key

    def write(self, key: str, content: object) -> float:
        """Store anything."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.client.put_object(Bucket=servers.QA, Key=f"{self.prefix}/{key}", Body=body)
        found = self.client.list_objects_v2(Bucket=servers.QA, Prefix=f"{self.prefix}/{key}")
        return float(found["Contents"][0]["LastModified"].timestamp())

    def later(self) -> float:
        """Wait until the server's clock, which counts seconds, has gone on; return its time."""
        first = self.write("clock", b"")
        while (now := self.write("clock", b"")) <= first:
            pass
        return now

    def remote(self) -> Remote:
        """Look at it anew."""
        return Remote(self.client, f"s3://{servers.QA}/{self.prefix}")

    def goes(self, referenced: set[str], cutoff: float) -> list[str]:
        """Return the keys that would go."""
        plan = self.remote().plan(referenced, cutoff)
        return [item.name.removeprefix(f"{self.prefix}/") for item in plan.going]

    def left(self) -> list[str]:
        """Return the keys that are there."""
        found = self.client.list_objects_v2(Bucket=servers.QA, Prefix=f"{self.prefix}/")
        return [entry["Key"].removeprefix(f"{self.prefix}/") for entry in found["Contents"]]


def key(oid: str) -> str:
    """Return where DVC keeps an object."""
    return f"files/md5/{oid[:2]}/{oid[2:]}"


@pytest.fixture(name="bucket")
def _bucket(s3: Platform, request: pytest.FixtureRequest) -> Bucket:
    return Bucket(servers.client(s3.variables("qa")), f"{request.node.name}/dvc")


def test_an_old_object_goes_unless_it_is_named(bucket: Bucket) -> None:
    """The young stay for now; what is not DVC's is nobody's business here."""
    bucket.put(USED)
    bucket.put(UNUSED)
    cutoff = bucket.later()
    bucket.put(FRESH)

    assert bucket.goes({USED}, cutoff) == [key(UNUSED)]
    assert bucket.goes({USED}, 0) == []
    remote = bucket.remote()
    remote.delete(remote.plan({USED}, cutoff).going)
    assert bucket.left() == ["clock", key(USED), key(FRESH)]


@pytest.mark.parametrize("name", [FOLDER, FOLDER.removesuffix(".dir")])
def test_a_named_folder_keeps_its_files(bucket: Bucket, name: str) -> None:
    """They are named in it alone."""
    bucket.put(INSIDE)
    bucket.put(LOOSE)
    bucket.put(FOLDER, [{"md5": INSIDE, "relpath": "x"}])

    assert bucket.goes({name}, bucket.later()) == [key(LOOSE)]


def test_a_young_folder_keeps_its_old_files(bucket: Bucket) -> None:
    """DVC did not send them again, since they were there."""
    bucket.put(INSIDE)
    cutoff = bucket.later()
    bucket.put(FOLDER, [{"md5": INSIDE, "relpath": "x"}])

    assert bucket.goes(set(), cutoff) == []


def test_the_cache_knows_a_folder_that_the_remote_lacks(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A push was cut off after the files."""
    monkeypatch.chdir(tmp_path)
    cached = tmp_path / ".dvc" / "cache" / "files" / "md5" / FOLDER[:2] / FOLDER[2:]
    cached.parent.mkdir(parents=True)
    cached.write_text(json.dumps([{"md5": INSIDE, "relpath": "x"}]))
    bucket.put(INSIDE)

    assert bucket.goes({FOLDER}, bucket.later()) == []


def test_an_expired_folder_goes_before_its_files(bucket: Bucket) -> None:
    """Else DVC would take files to be there that are not, after a kill in between."""
    entry = bucket.entry(1, FOLDER)
    bucket.put(FOLDER, [{"md5": INSIDE, "relpath": "x"}])
    bucket.put(INSIDE)

    assert bucket.goes(set(), bucket.later()) == [entry, key(FOLDER), key(INSIDE)]


def test_a_young_entry_of_the_run_cache_keeps_its_outputs(bucket: Bucket) -> None:
    """Somebody's run without a commit; an old one keeps nothing."""
    bucket.put(FOLDER, [{"md5": INSIDE, "relpath": "x"}])
    bucket.put(INSIDE)
    bucket.put(LOOSE)
    old = bucket.entry(1, LOOSE)
    cutoff = bucket.later()
    bucket.entry(2, FOLDER)

    assert bucket.goes(set(), cutoff) == [old, key(LOOSE)]


def test_an_old_entry_stays_while_its_outputs_do(bucket: Bucket) -> None:
    """Another machine restores with it what a commit names."""
    bucket.put(USED)
    bucket.entry(1, USED)

    assert bucket.goes({USED}, bucket.later()) == []


@pytest.mark.parametrize("content", [b"cut", [{"relpath": "x"}], {"a": 1}])
def test_a_broken_folder_stops_it(bucket: Bucket, content: object) -> None:
    """Nobody knows what it names."""
    bucket.put(FOLDER, content)

    with pytest.raises(StorageError, match="make verify"):
        bucket.remote().plan({FOLDER}, bucket.later())


def test_more_than_fits_into_one_request_goes(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 deletes a thousand at once, two here."""
    monkeypatch.setattr(unused_objects, "BATCH", 2)
    for number in range(5):
        bucket.put(f"{number:032x}")
    remote = bucket.remote()

    remote.delete(remote.plan(set(), bucket.later()).going)

    assert bucket.left() == ["clock"]


def test_a_remote_that_fails_is_told(
    bucket: Bucket, s3: Platform, kill: Callable[[], None]
) -> None:
    """And the same command goes on."""
    bucket.put(UNUSED)
    remote = bucket.remote()
    plan = remote.plan(set(), bucket.later())
    kill()

    with pytest.raises(StorageError, match="the same command again"):
        remote.delete(plan.going)
    with pytest.raises(StorageError, match="cannot list objects"):
        bucket.remote().plan(set(), 0)
    s3.up("s3")
    assert key(UNUSED) in bucket.left()


@pytest.fixture(name="kill")
def _kill(s3: Platform) -> Callable[[], None]:
    """Return a function that kills the server."""
    return lambda: s3.down("s3", how=9)
