"""The hashes that Git knows, in real repositories."""

import os
import subprocess
from pathlib import Path

import pytest

from clones import WHO
from ml.errors import StorageError
from ml.retaining import history

ONE, TWO, THREE, FOUR, FIVE = (digit * 32 for digit in "12345")


def git(folder: Path, *words: str) -> None:
    """Run Git in a folder."""
    subprocess.run(["git", *words], cwd=folder, env={**os.environ, **WHO}, check=True)


def commit(folder: Path, oid: str, name: str = "dvc.lock") -> None:
    """Commit a lock that names a hash."""
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(f"outs:\n- path: data\n  md5: {oid}\n")
    git(folder, "add", "-A")
    git(folder, "commit", "--quiet", "-m", oid)


@pytest.fixture(name="repository")
def _repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.chdir(folder)
    git(folder, "init", "--quiet", "--initial-branch=main")
    return folder


def test_every_commit_of_every_branch_and_tag_counts(repository: Path) -> None:
    """Also what a later one has replaced, and what only a tag leads to."""
    commit(repository, ONE)
    commit(repository, f"{TWO}.dir")
    git(repository, "checkout", "--quiet", "-b", "feature")
    commit(repository, THREE)
    git(repository, "checkout", "--quiet", "--detach", "main")
    commit(repository, FOUR)
    git(repository, "tag", "-a", "-m", "kept", "v1")
    git(repository, "checkout", "--quiet", "main")
    commit(repository, FIVE, "sub/data.dvc")

    assert history.referenced() == {ONE, f"{TWO}.dir", THREE, FOUR, FIVE}


def test_what_only_a_merge_has_counts(repository: Path) -> None:
    """A conflict was solved by a third content."""
    commit(repository, ONE)
    git(repository, "checkout", "--quiet", "-b", "feature")
    commit(repository, TWO)
    git(repository, "checkout", "--quiet", "main")
    commit(repository, THREE)
    git(repository, "merge", "--quiet", "--strategy=ours", "--no-commit", "feature")
    commit(repository, FOUR)

    assert history.referenced() == {ONE, TWO, THREE, FOUR}


@pytest.mark.parametrize("ignored", ["", "dvc.lock\n"])
def test_the_work_tree_counts(repository: Path, ignored: str) -> None:
    """Committed or not, ignored or not."""
    (repository / ".gitignore").write_text(ignored)
    (repository / "dvc.lock").write_text(f"md5: {ONE}\n")
    (repository / "raw.dvc").write_text(f"outs:\n- md5: {TWO}\n")

    assert history.referenced() == {ONE, TWO}


def test_a_branch_that_was_fetched_only_by_its_commit_counts(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remote has a branch to it, the clone has lost its own."""
    commit(repository, ONE)
    git(repository, "checkout", "--quiet", "-b", "feature")
    commit(repository, TWO)
    git(tmp_path, "clone", "--quiet", str(repository), "clone")
    monkeypatch.chdir(tmp_path / "clone")
    git(tmp_path / "clone", "checkout", "--quiet", "--detach", "origin/main")
    git(tmp_path / "clone", "branch", "--quiet", "-D", "feature")
    git(tmp_path / "clone", "update-ref", "-d", "refs/remotes/origin/feature")

    assert history.referenced() == {ONE, TWO}


def test_what_was_pushed_since_the_last_fetch_stops_it(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody here knows what a colleague needs; fetched, it is known."""
    commit(repository, ONE)
    git(tmp_path, "clone", "--quiet", str(repository), "clone")
    commit(repository, TWO)
    monkeypatch.chdir(tmp_path / "clone")

    with pytest.raises(StorageError, match="git fetch --all --tags"):
        history.referenced()
    git(tmp_path / "clone", "fetch", "--quiet")
    assert history.referenced() == {ONE, TWO}


def test_a_shallow_clone_stops_it(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As CI makes it: its history is cut."""
    commit(repository, ONE)
    commit(repository, TWO)
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repository}", "clone")
    monkeypatch.chdir(tmp_path / "clone")

    with pytest.raises(StorageError, match=r"shallow.*git fetch --unshallow"):
        history.referenced()


def test_a_remote_that_does_not_answer_stops_it(repository: Path, tmp_path: Path) -> None:
    """It may have branches that nobody here knows."""
    commit(repository, ONE)
    git(repository, "remote", "add", "origin", str(tmp_path / "gone"))

    with pytest.raises(StorageError, match=r"git ls-remote.*nothing is deleted"):
        history.referenced()


def test_no_repository_stops_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Git nobody knows what is used."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    with pytest.raises(StorageError, match="not a git repository"):
        history.referenced()


def test_a_lost_object_stops_it(repository: Path) -> None:
    """A lock of the past cannot be read."""
    commit(repository, ONE)
    found = subprocess.run(
        ["git", "rev-parse", "HEAD:dvc.lock"], cwd=repository, capture_output=True, text=True,
        check=True,
    ).stdout.strip()  # fmt: skip
    (repository / ".git" / "objects" / found[:2] / found[2:]).unlink()

    with pytest.raises(StorageError, match="nothing is deleted"):
        history.referenced()


@pytest.mark.parametrize(
    "text", ["a" * 40, "a" * 64, "a" * 31, "g" * 32, f"x{'a' * 32}"],
    ids=["commit", "sha256", "short", "no hex", "word"],
)  # fmt: skip
def test_other_words_are_no_hashes(text: str) -> None:
    """DVC's are 32 hexadecimal digits."""
    assert history.hashes(f"md5: {text}\n") == set()
