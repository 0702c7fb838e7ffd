"""Rules of ml.revision, in real Git repositories."""

import subprocess
from pathlib import Path

import pytest

from ml import revision


def git(*arguments: str) -> None:
    """Run git in the current folder."""
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", *who, *arguments], check=True, capture_output=True)


@pytest.fixture(name="repository")
def _repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    git("init", "-b", "dev")
    (tmp_path / "file").write_text("1")
    git("add", ".")
    git("commit", "-m", "first")
    return tmp_path


@pytest.mark.usefixtures("repository")
def test_a_clean_tree_is_its_commit() -> None:
    """Commit and branch are named, and nothing is dirty."""
    tags = revision.tags()

    assert len(tags["git.commit"]) == 40
    assert (tags["git.branch"], tags["git.dirty"]) == ("dev", "no")


def test_a_changed_tree_is_dirty(repository: Path) -> None:
    """What differs from the commit cannot hide behind it."""
    (repository / "file").write_text("2")

    assert revision.tags()["git.dirty"] == "yes"


def test_a_folder_without_git_has_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training works without Git."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    assert revision.tags().get("git.commit") is None
