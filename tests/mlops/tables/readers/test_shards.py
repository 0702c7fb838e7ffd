"""Rules of mlops.tables.readers.shards."""

import os
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import known_implementations

from mlops.core.errors import DataError
from mlops.tables.readers import shards


def names(path: Path | str) -> list[str]:
    """Return the names of the files that are found."""
    return [shard.name.rpartition("/")[2] for shard in shards.find(str(path), ())]


def test_a_folder_gives_its_files_by_name(tmp_path: Path) -> None:
    """Order does not depend on the file system; what tools leave beside the data is no data."""
    for name in ("b.csv", "a.csv", "_SUCCESS", ".a.csv.crc"):
        (tmp_path / name).write_text("x")
    for name in (".ipynb_checkpoints", "_temporary"):
        (tmp_path / name).mkdir()

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


def test_a_link_is_what_it_leads_to(tmp_path: Path) -> None:
    """A cache of a hub and many shared folders hold links alone."""
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "1f").write_text("text,label\n")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "b.csv").symlink_to("../blobs/1f")
    (tmp_path / "set" / "a.csv").symlink_to("b.csv")
    (tmp_path / "link").symlink_to("set")

    assert names(tmp_path / "set") == names(tmp_path / "link") == ["a.csv", "b.csv"]


@pytest.mark.parametrize("beside", [True, False])
def test_folders_in_a_folder_are_refused(tmp_path: Path, beside: bool) -> None:
    """Their rows would be missing, and nobody would be told."""
    (tmp_path / "year=2024").mkdir()
    (tmp_path / "last").symlink_to("year=2024")
    if beside:
        (tmp_path / "a.csv").write_text("text,label\n")

    with pytest.raises(DataError, match=r"holds folders \('last', 'year=2024'\)"):
        shards.find(str(tmp_path), ())


def test_folders_behind_a_url_are_refused() -> None:
    """A prefix in a bucket is a folder too."""
    for name in ("a.csv", "more/b.csv"):
        with fsspec.open(f"memory://prefix/{name}", "w") as file:
            file.write("text,label\n")

    with pytest.raises(DataError, match=r"holds folders \('more'\)"):
        shards.find("memory://prefix", ())


@pytest.mark.parametrize("target", ["nowhere", "a.csv"])
def test_a_link_that_leads_nowhere_is_refused(tmp_path: Path, target: str) -> None:
    """Its rows are missing; a link to itself is one too."""
    (tmp_path / "a.csv").symlink_to(target)

    with pytest.raises(DataError, match=r"a\.csv is a link that leads nowhere"):
        shards.find(str(tmp_path), ())


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """Reading a pipe would wait for ever."""
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path, tmp_path / "pipe.csv"):
        with pytest.raises(DataError, match=r"is neither (a )?file nor (a )?folder"):
            shards.find(str(path), ())


@pytest.mark.parametrize(
    "files",
    [("train.csv", "test.csv"), ("train-00000-of-00001.csv", "validation-00000-of-00001.csv")],
)
def test_splits_in_one_folder_are_refused(tmp_path: Path, files: tuple[str, ...]) -> None:
    """All would become train, the rows that were kept for the test too."""
    for name in files:
        (tmp_path / name).write_text("text,label\n")

    with pytest.raises(DataError, match=rf"one split; .*data\.train_path={tmp_path}/train"):
        shards.find(str(tmp_path), ())


def test_shards_of_one_split_are_read(tmp_path: Path) -> None:
    """Also those whose names only begin like that of another."""
    for name in ("train-0.csv", "train-1.csv", "testimony.csv", "validated.csv"):
        (tmp_path / name).write_text("text,label\n")

    assert len(names(tmp_path)) == 4


@pytest.mark.parametrize("mark", ["_delta_log", ".hoodie"])
def test_a_table_with_a_log_is_refused(tmp_path: Path, mark: str) -> None:
    """Rows that it has deleted are still in its files."""
    (tmp_path / mark).mkdir()

    with pytest.raises(DataError, match="table, some of its files may be outdated"):
        shards.find(str(tmp_path), ())


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
