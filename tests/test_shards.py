"""Rules of ml.data.shards."""

from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import known_implementations

from ml.data import shards
from ml.errors import DataError


def names(path: Path | str) -> list[str]:
    """Return the names of the files that are found."""
    return [shard.name.rpartition("/")[2] for shard in shards.find(str(path), ())]


def test_a_folder_gives_its_files_by_name(tmp_path: Path) -> None:
    """Order does not depend on the file system; what tools leave beside the data is no data."""
    for name in ("b.csv", "a.csv", "_SUCCESS", ".a.csv.crc"):
        (tmp_path / name).write_text("x")
    (tmp_path / "old").mkdir()

    assert names(tmp_path) == ["a.csv", "b.csv"]


@pytest.mark.parametrize("ending", ["", "/"])
def test_urls_work_like_paths(tmp_path: Path, ending: str) -> None:
    """A source may be behind any fsspec URL, with or without a slash at its end."""
    with fsspec.open("memory://shards/set/a.csv", "w") as file:
        file.write("text,label\n")
    (tmp_path / "a.csv").write_text("text,label\n")
    found = [
        shard
        for url in ("memory://shards/set", f"file://{tmp_path}")
        for shard in shards.find(url + ending, ())
    ]

    assert [list(shard.lines()) for shard in found] == [[(1, "text,label\n")]] * 2


def test_a_missing_file_proposes_the_nearest_name(tmp_path: Path) -> None:
    """A slip of the pen is told as such."""
    (tmp_path / "train.csv").touch()

    with pytest.raises(DataError, match=r"trian.csv does not exist \(did you mean 'train.csv'\?\)"):
        shards.find(str(tmp_path / "trian.csv"), ())


def test_a_missing_file_tells_what_is_there(tmp_path: Path) -> None:
    """Where no name is near, all are shown."""
    (tmp_path / "zzzz").touch()

    with pytest.raises(DataError, match="its folder holds 'zzzz'"):
        shards.find(str(tmp_path / "train.csv"), ())


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """The error tells whether the file or its folder is missing."""
    with pytest.raises(DataError, match=f"nor does its folder {tmp_path}/no"):
        shards.find(f"{tmp_path}/no/train.csv", ())


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    """A file of no bytes is an accident."""
    (tmp_path / "a.csv").write_text("text,label\n")
    (tmp_path / "b.csv").touch()

    with pytest.raises(DataError, match=r"b\.csv is empty"):
        shards.find(str(tmp_path), ())


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    """Marks of finished jobs are no data."""
    (tmp_path / "_SUCCESS").touch()

    with pytest.raises(DataError, match="holds no files; expected CSV"):
        shards.find(str(tmp_path), ())


def test_a_missing_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver of a URL is not part of the template until it is needed."""
    entry = {"class": "no_such_driver.System", "err": "Install no_such_driver to read shelf:"}
    monkeypatch.setitem(known_implementations, "shelf", entry)

    with pytest.raises(DataError, match=r"needs a driver.*Install no_such_driver"):
        shards.find("shelf://box/train.csv", ())


def test_an_unknown_kind_of_url_is_told() -> None:
    """A slip in s3:// is no traceback."""
    with pytest.raises(DataError, match=r"Protocol not known: s4.*check the address"):
        shards.find("s4://bucket/train.csv", ())


def test_whatever_a_driver_raises_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Want of credentials, of a bucket, of a network: one sentence with the next step."""

    def refuse(*_: object) -> None:
        raise RuntimeError("no credentials")

    monkeypatch.setattr(MemoryFileSystem, "exists", refuse)

    with pytest.raises(DataError, match=r"RuntimeError: no credentials.*check the address"):
        shards.find("memory://box/train.csv", ())


def test_a_fault_in_a_file_is_told_as_it_is(tmp_path: Path) -> None:
    """Opening the file adds nothing to an error that is a sentence already."""
    (tmp_path / "a.csv").write_text("text,label\n")
    [shard] = shards.find(str(tmp_path / "a.csv"), ())
    fault = DataError("row 3 is wrong")

    with pytest.raises(DataError) as told, shard.open():
        raise fault

    assert told.value is fault
    assert fault.__cause__ is None


def test_wrong_bytes_are_found(tmp_path: Path) -> None:
    """The line and the byte help to find a letter in another encoding."""
    (tmp_path / "a.csv").write_bytes("text,label\ncafé,1\n".encode("latin-1"))
    [shard] = shards.find(str(tmp_path / "a.csv"), ())

    with pytest.raises(DataError, match=r"a\.csv, line 2, byte 4 of the line: not UTF-8; convert"):
        shard.find_wrong_bytes()
