"""What is hashed of a local source is what is read."""

import getpass
from pathlib import Path

import fsspec
import pytest

from mlops.tables import local
from mlops.tables.readers import shards

ME = getpass.getuser()


@pytest.fixture(name="here", autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder below the user's home."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path))
    return folder


@pytest.mark.parametrize(
    "source",
    [
        "x.csv", "./x.csv", "../x.csv", "/a/x.csv", "a/", "~/x.csv", f"~{ME}/x.csv",
        "~nobody/x.csv", "file://x.csv", "file:///a/x.csv", "file:///a%20b/x.csv", "file:x.csv",
        "file:~/x.csv", "file://~/x.csv", "local:x.csv", "$HOME/x.csv", "a b/ä #1.csv", "a:b.csv",
    ],
)  # fmt: skip
def test_a_source_means_what_fsspec_reads(source: str) -> None:
    """The one function agrees with `url_to_fs`, and the reader opens just that."""
    _, expected = fsspec.core.url_to_fs(source)
    named = local.path(source)
    _, read = shards.connect(source)

    assert named
    assert Path(read).resolve() == local.found(named).resolve() == Path(expected).resolve()


@pytest.mark.parametrize(
    "source", ["s3://bucket/x", "https://host/x.csv", "hf:x", "data:,a", "zip://x.csv::y.zip", ""]
)
def test_other_sources_are_no_files(source: str) -> None:
    """They are pinned, or named by the hub."""
    assert local.path(source) is None


def test_a_queued_experiment_reads_what_git_ignores(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder is a copy of what Git knows; a file of its own comes first."""
    copy = here / ".dvc" / "tmp" / "exps" / "tmp1"
    copy.mkdir(parents=True)
    (here / "x.csv").touch()
    monkeypatch.chdir(copy)

    assert local.found(Path("x.csv")) == here / "x.csv"
    assert local.found(Path("gone.csv")) == copy / "gone.csv"
    (copy / "x.csv").touch()
    assert local.found(Path("x.csv")) == copy / "x.csv"
