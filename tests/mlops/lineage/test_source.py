"""Rules of mlops.lineage.source."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mlops.core import hashing
from mlops.lineage import source
from mlops.lineage.clone import Clone


@pytest.fixture(name="clone")
def _clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    """A clone beside a project with a file of rows."""
    project, other = tmp_path / "project", tmp_path / "clone"
    (project / "rows").mkdir(parents=True)
    (project / "rows" / "a.csv").write_text("1")
    other.mkdir()
    monkeypatch.chdir(project)
    return cast(Clone, SimpleNamespace(folder=other))


def values(path: str, digest: str | None, **data: Any) -> dict[str, Any]:
    """Return a configuration that names a source."""
    return {"data": {"train_path": path, **data}, "snapshot": {"train": digest}}


@pytest.mark.parametrize("path", ["rows/a.csv", "rows"])
def test_a_file_that_git_does_not_know_is_lent(clone: Clone, path: str) -> None:
    """A file or a folder, where it is still as the run read it."""
    assert source.lend(clone, values(path, hashing.digest(Path(path)))) == {}
    assert hashing.digest(clone.folder / path) == hashing.digest(Path(path))


def test_a_file_of_the_commit_is_taken_as_it_is(clone: Clone) -> None:
    """Whatever became of it in the work tree."""
    (clone.folder / "rows").mkdir()
    (clone.folder / "rows" / "a.csv").write_text("old")
    digest = hashing.digest(clone.folder / "rows" / "a.csv")

    assert source.lend(clone, values("rows/a.csv", digest)) == {}
    assert not (clone.folder / "rows" / "a.csv").is_symlink()


def test_a_file_that_was_changed_before_the_run_replaces_the_commits(clone: Clone) -> None:
    """The run read the work tree's."""
    (clone.folder / "rows").mkdir()
    (clone.folder / "rows" / "a.csv").write_text("old")

    assert source.lend(clone, values("rows", hashing.digest(Path("rows")))) == {}
    assert (clone.folder / "rows" / "a.csv").read_text() == "1"


@pytest.mark.parametrize(
    ("path", "told"), [("rows/a.csv", "rows/a.csv has changed"), ("none.csv", "none.csv is gone")]
)
def test_what_is_not_as_it_was_is_told(clone: Clone, path: str, told: str) -> None:
    """By its hash, not by its time."""
    assert source.lend(clone, values(path, "0" * 64)) == {"train": told}


def test_what_no_file_was_read_for_needs_none(clone: Clone) -> None:
    """Synthetic rows, servers, data sets of the hub."""
    for path in ("synthetic", "s3://bucket/rows", "hf:imdb"):
        assert source.lend(clone, values(path, None)) == {}


@pytest.mark.parametrize(
    ("path", "told"),
    [("synthetic", False), ("rows.csv", False), ("s3://bucket/rows", True), ("hf:imdb", True)],
)
def test_others_can_change_what_is_outside(path: str, told: bool) -> None:
    """There another hash may be the source's doing, elsewhere it is that of code or packages."""
    assert source.outside(values(path, None, val_path=None)) == told
