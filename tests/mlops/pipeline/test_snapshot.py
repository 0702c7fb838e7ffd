"""Rules of hashing the local inputs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ml.config import Params
from mlops.core.hashing import digest
from mlops.pipeline.snapshot import inputs, taken

Make = Callable[..., Params]


@pytest.fixture(name="data", autouse=True)
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one shard, which is local data."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    Path("rows").mkdir()
    Path("rows/a.csv").write_text("text,label\n", encoding="utf-8")
    return Path("rows")


def train(make_params: Make, path: str) -> Params:
    """Return a configuration that trains on `path`."""
    return make_params(data={"train_path": path})


@pytest.mark.parametrize(
    "path",
    [
        "rows",
        "rows/",
        "./rows",
        "rows/../rows",
        "file://rows",
        "file:rows",
        "local:rows",
        "hf:rows",
        "hf:rows:main",
        "hf:rows:main@1",
        "hf:rows@1",
        "~/rows",
        "file://~/rows",
    ],
)
def test_local_data_is_hashed(make_params: Make, data: Path, path: str) -> None:
    """A local file or folder, however it is written, gives its content's hash."""
    assert digest(data) == taken(train(make_params, path), {}).snapshot.train


@pytest.mark.parametrize(
    "path",
    ["synthetic", "hf:imdb", "none.csv", "x" * 3000],
)
def test_other_data_has_no_hash(make_params: Make, path: str) -> None:
    """What is made on the spot, on the hub or absent has no hash."""
    assert taken(train(make_params, path), {}).snapshot.train is None


def test_changed_content_changes_the_hash(make_params: Make, data: Path) -> None:
    """The hash follows the content, not the name."""
    before = taken(train(make_params, "rows"), {}).snapshot
    (data / "a.csv").write_text("text,label\na,b\n", encoding="utf-8")

    assert before != taken(train(make_params, "rows"), {}).snapshot


@pytest.mark.parametrize(
    ("previous", "expected"),
    [
        ({"data": {"train_path": "gone"}, "snapshot": {"train": "abc"}}, "abc"),
        ({"data": {"train_path": "other"}, "snapshot": {"train": "abc"}}, None),
        ({"data": {"train_path": "gone"}}, None),
        ({"data": {"train_path": "gone"}, "snapshot": {"train": 3}}, None),
        ({"data": [], "snapshot": []}, None),
    ],
)
def test_absent_data_keeps_the_hash_of_the_same_path(
    make_params: Make, previous: dict[str, Any], expected: str | None
) -> None:
    """Somebody else's file keeps the hash that they recorded for the very same path."""
    assert expected == taken(train(make_params, "gone"), previous).snapshot.train


def test_pretrained_folder_is_hashed(make_params: Make, data: Path) -> None:
    """A local model is an input like data."""
    params = make_params(model={"pretrained": "rows"})

    assert digest(data) == taken(params, {}).snapshot.pretrained


def test_inputs_name_absent_files_too(make_params: Make) -> None:
    """A file that may appear later is watched; remote data is not."""
    assert [Path("none.csv")] == inputs(train(make_params, "none.csv"))
    assert inputs(train(make_params, "s3://bucket/rows")) == []
