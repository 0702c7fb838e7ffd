"""What DVC needs of the folder is told in one sentence."""

import os
import subprocess
from pathlib import Path

import pytest

from mlops.core import repository
from mlops.core.errors import StorageError


@pytest.fixture(name="here", autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository."""
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    return tmp_path


def test_a_fresh_repository_is_fine() -> None:
    """Also in a subfolder of it, and with a lock that DVC wrote."""
    repository.check()
    Path("dvc.lock").write_text("schema: '2.0'\nstages:\n  prepare:\n    cmd: x\n")
    repository.check()
    Path("dvc.lock").write_text("schema: '2.0'\n")
    repository.check()
    Path("sub").mkdir()
    os.chdir("sub")
    repository.check()


def test_a_folder_without_a_repository_is_told(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitHub's ZIP has none."""
    monkeypatch.chdir(tmp_path_factory.mktemp("zip"))

    with pytest.raises(
        StorageError, match=r"not in a Git repository.*git init && git add -A && git comm"
    ):
        repository.check()


@pytest.mark.parametrize(
    "content",
    [b"", b"sche", b"\x00\xff\x9e", b"schema: '2.0'\nstages: [", b"a: b: c", b"- a", b"stages: {}",
     b"schema: '2.0'\nstages: []\n"],
)  # fmt: skip
def test_a_garbled_lock_is_told(content: bytes) -> None:
    """With the command that brings it back."""
    Path("dvc.lock").write_bytes(content)

    with pytest.raises(StorageError, match=r"dvc\.lock is damaged; git checkout dvc\.lock"):
        repository.check()


def test_a_conflict_is_no_damage() -> None:
    """It has a verb of its own."""
    Path("dvc.lock").write_text("<<<<<<< HEAD\nschema: '2.0'\n=======\n>>>>>>> qa\n")

    with pytest.raises(StorageError, match="make resolve"):
        repository.check()


def test_a_folder_of_another_user_is_told(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write everywhere, so that only the answer of the system can be replaced."""
    (here / ".dvc").mkdir()
    monkeypatch.setattr(os, "access", lambda path, _mode: path != Path(".dvc"))

    with pytest.raises(StorageError, match=r"\.dvc belongs to .* may not write to it; sudo chown"):
        repository.check()
