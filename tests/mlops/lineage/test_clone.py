"""Rules of mlops.lineage.clone, in real Git repositories."""

import subprocess
import tempfile
from pathlib import Path

import pytest

from mlops.core.errors import LineageError
from mlops.lineage.clone import workspace


def git(*arguments: str) -> str:
    """Run git in the current folder; return what it printed."""
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    command = ["git", *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(name="temporary")
def _temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    folder = tmp_path_factory.mktemp("tmp")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture(name="first")
def _first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temporary: Path) -> str:
    """The first of two commits, which no branch holds any more."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mlops.lineage.process.end_by_exit", lambda: None)
    git("init", "--quiet", "-b", "dev")
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text("")
    (tmp_path / "file").write_text("1\n")
    git("add", ".")
    git("commit", "--quiet", "-m", "first")
    commit = git("rev-parse", "HEAD")
    (tmp_path / "file").write_text("2\n")
    git("commit", "--quiet", "--amend", "--all", "-m", "second")
    return commit


def test_a_commit_is_brought_without_a_trace_here(first: str, temporary: Path) -> None:
    """Also one that was amended; the repository learns nothing of it."""
    before = git("for-each-ref"), git("worktree", "list"), sorted(Path(".git").iterdir())
    with workspace(keep=False) as clone:
        clone.checkout(first)
        found = (clone.folder / "file").read_text()
        assert clone.folder.is_relative_to(temporary)

    assert found == "1\n"
    assert (git("for-each-ref"), git("worktree", "list"), sorted(Path(".git").iterdir())) == before
    assert list(temporary.iterdir()) == []


def test_changes_are_made_again(first: str) -> None:
    """The patch of a run, on its commit."""
    git("checkout", "--quiet", first)
    Path("file").write_text("dirty\n")
    patch = subprocess.run(["git", "diff", "--binary", "HEAD"], capture_output=True, check=True)
    with workspace(keep=False) as clone:
        clone.checkout(first)
        clone.apply(patch.stdout)

        assert (clone.folder / "file").read_text() == "dirty\n"


@pytest.mark.usefixtures("first")
def test_a_commit_that_is_not_here_is_told() -> None:
    """With what to fetch."""
    with pytest.raises(LineageError, match=r"commit c0ffee.*git fetch"), workspace(False) as clone:
        clone.checkout("c0ffee")


def test_a_project_in_a_folder_of_a_repository_stays_there(
    first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its work tree is that folder of the clone."""
    git("checkout", "--quiet", first)
    Path("inner/.dvc").mkdir(parents=True)
    Path("inner/.dvc/config").write_text("")
    git("add", ".")
    git("commit", "--quiet", "-m", "inner")
    commit = git("rev-parse", "HEAD")
    monkeypatch.chdir("inner")
    with workspace(keep=False) as clone:
        clone.checkout(commit)

        assert clone.folder.name == "inner"
        assert (clone.folder.parent / "file").exists()


@pytest.mark.usefixtures("first")
def test_nothing_leads_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a store nor other values nor this environment of packages."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_PASSWORD", "SET", "ENV", "MAKEFLAGS",
                 "DVC_STAGE", "PYTHONPATH", "VIRTUAL_ENV"):  # fmt: skip
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with workspace(keep=False) as clone:
        assert "x" not in clone.variables.values()
        assert clone.variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9"
        assert clone.variables["PATH"].startswith(str(clone.folder))


def test_a_folder_can_be_kept(
    first: str, temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And is named."""
    with workspace(keep=True) as clone:
        clone.checkout(first)

    assert clone.folder.exists()
    assert str(clone.folder) in capsys.readouterr().err
    assert list(temporary.iterdir())


def test_an_environment_that_was_committed_as_a_link_is_left_alone(
    first: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing is installed into what it leads to."""
    mine = tmp_path_factory.mktemp("mine")
    git("checkout", "--quiet", first)
    Path(".venv").symlink_to(mine)
    Path("Makefile").write_text("install:\n\t@mkdir .venv && touch .venv/installed\n")
    git("add", ".")
    git("commit", "--quiet", "-m", "link")
    with workspace(keep=False) as clone:
        clone.checkout(git("rev-parse", "HEAD"))
        clone.install("cpu", "")

        assert (clone.folder / ".venv" / "installed").exists()
    assert list(mine.iterdir()) == []


@pytest.mark.usefixtures("first")
def test_packages_that_cannot_be_installed_are_told() -> None:
    """And nothing runs with others."""
    Path("Makefile").write_text("install:\n\t@false\n")
    git("add", ".")
    git("commit", "--quiet", "-m", "make")
    with workspace(keep=False) as clone:
        clone.checkout(git("rev-parse", "HEAD"))
        with pytest.raises(LineageError, match="make install"):
            clone.install("cpu", "")
