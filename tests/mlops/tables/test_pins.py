"""Rules of mlops.tables.pins and mlops.tables.remote, on fsspec's store in memory."""

from dataclasses import replace
from pathlib import Path

import fsspec
import pytest

from mlops.core.errors import DataError
from mlops.tables import pins, remote
from mlops.tables.pins import LOCK, File, Pin

URL = "memory://pins/rows"


def put(name: str, text: str) -> None:
    """Write a remote file."""
    with fsspec.open(f"{URL}/{name}", "w") as file:
        file.write(text)


@pytest.fixture(name="source", autouse=True)
def _source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A remote folder of two files, and an empty current folder."""
    monkeypatch.chdir(tmp_path)
    memory = fsspec.filesystem("memory")
    if memory.exists("/pins"):
        memory.rm("/pins", recursive=True)
    put("a.csv", "text,label\na,1\n")
    put("b.csv", "text,label\nb,2\n")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("s3://bucket/rows", True), ("memory://rows", True), ("https://host/a.csv", True),
        ("rows", False), ("file://rows", False), ("hf:imdb", False), ("synthetic", False),
        (None, False),
    ],
)  # fmt: skip
def test_urls_are_remote(path: str | None, expected: bool) -> None:
    """Local files are hashed by content and the hub has revisions."""
    assert pins.remote(path) is expected


def test_a_pin_survives_its_file() -> None:
    """What is saved is loaded; the file is sorted and says when it was not changed."""
    found = {URL: Pin(remote.take(URL)), "s3://a": Pin([File("/x", 1, "e", "v1")], "before")}
    pins.save(found)
    text = LOCK.read_text()
    pins.save(dict(reversed(found.items())))

    assert pins.load() == found
    assert LOCK.read_text() == text


def test_the_fingerprint_follows_the_bytes() -> None:
    """Another version of the same bytes is no change; another size, etag or name is."""
    file = File("/a.csv", 3, "e1", "v1")
    first = Pin([file]).fingerprint

    assert Pin([replace(file, version="v2")], "before").fingerprint == first
    for changed in ({"name": "/b.csv"}, {"size": 4}, {"etag": "e2"}):
        assert Pin([replace(file, **changed)]).fingerprint != first


@pytest.mark.parametrize("text", ["a: [", "- a", "a: {files: 3}", "a: {files: [], fingerprint: x}"])
def test_a_broken_file_is_told(text: str) -> None:
    """A merge gone wrong, or an edit by hand: one sentence with the way back."""
    LOCK.write_text(text)

    with pytest.raises(DataError, match=r"sources\.lock cannot be read .*git checkout"):
        pins.load()


def test_a_password_that_an_earlier_release_pinned_is_told_and_not_shown() -> None:
    """It is in Git's history, so removing the entry alone does not help."""
    pins.save(
        {"https://bob:hunter2@x.test/r.csv": Pin(remote.take(URL))}
    )  # pragma: allowlist secret

    with pytest.raises(DataError, match="change that credential") as told:
        pins.load()

    assert "hunter2" not in str(told.value)


def test_the_pinned_files_are_found() -> None:
    """A file that came later is not part of the snapshot."""
    pin = Pin(remote.take(URL))
    put("c.csv", "text,label\nc,3\n")

    assert [shard.name for shard in remote.find(URL, pin, ())] == [f"{URL}/a.csv", f"{URL}/b.csv"]


def test_a_changed_file_is_refused() -> None:
    """The sentence names the file, and both ways on."""
    pin = Pin(remote.take(URL))
    put("b.csv", "text,label\nB,2\n")

    with pytest.raises(
        DataError,
        match=r"rows/b\.csv has .*, expected .* as pinned .*SHARE=1.*REFRESH=1",
    ):
        remote.find(URL, pin, ())


def test_a_file_that_is_gone_is_refused() -> None:
    """Fewer rows are other data."""
    pin = Pin(remote.take(URL))
    fsspec.filesystem("memory").rm("/pins/rows/a.csv")

    with pytest.raises(DataError, match=r"rows/a\.csv is gone, expected .* as pinned"):
        remote.find(URL, pin, ())


def test_pinned_versions_are_found_without_a_look() -> None:
    """Where each file has a version, what lies there now does not matter."""
    pin = Pin([File("/gone.csv", 1, "e", "v1")])

    [shard] = remote.find(URL, pin, ("text",))

    assert (shard.name, shard.version, shard.needed) == (f"{URL}/gone.csv", "v1", ("text",))
