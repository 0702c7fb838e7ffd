"""Rules of mlops.tracking.provenance."""

import hashlib
import logging
import subprocess
from pathlib import Path

import pytest

from mlops.tracking import provenance


@pytest.fixture(name="repository")
def _repository(project: Path) -> Path:
    """A project with params.yaml, in Git."""
    for command in (
        ["init", "--quiet", "-b", "dev"],
        ["config", "user.name", "t"],
        ["config", "user.email", "t@example.com"],
        ["add", "."],
        ["commit", "--quiet", "-m", "first"],
    ):
        subprocess.run(["git", *command], cwd=project, check=True)
    return project


@pytest.mark.usefixtures("repository")
def test_a_clean_run_carries_configuration_and_commit() -> None:
    """And no difference."""
    now = provenance.read_state()

    assert set(now.files) == {"params.yaml"}
    assert now.tags["git.dirty"] == "no"
    assert "git.diff" not in now.tags


def test_a_dirty_run_carries_its_difference_and_the_hash_of_it(repository: Path) -> None:
    """So that a changed one is found out."""
    (repository / "conf").mkdir()
    (repository / "conf" / "new.yaml").write_text("a: 1\n")
    now = provenance.read_state()

    assert now.tags["git.diff"] == "code.diff"
    assert b"new.yaml" in now.files["code.diff"]
    assert now.tags["git.diff.sha256"] == hashlib.sha256(now.files["code.diff"]).hexdigest()


def test_a_secret_stays_here(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run says that there is a difference, and why it is not there."""
    monkeypatch.setenv("MY_PASSWORD", "correct horse")
    (repository / "conf").mkdir()
    (repository / "conf" / "new.yaml").write_text("a: correct horse\n")
    now = provenance.read_state()

    assert now.tags["git.diff"].startswith("withheld: it contains the value of MY_PASSWORD")
    assert "code.diff" not in now.files


def test_what_remote_data_were_read_is_carried(repository: Path) -> None:
    """Where any were."""
    (repository / "sources.lock").write_text("a: 1\n")

    assert provenance.read_state().files["sources.lock"] == b"a: 1\n"


def test_dirt_is_told_loudly(repository: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Before training, with the names of the files."""
    with caplog.at_level(logging.WARNING):
        provenance.warn()
        assert caplog.text == ""
        for n in range(7):
            (repository / "src").mkdir(exist_ok=True)
            (repository / "src" / f"new{n}.py").write_text("")
        provenance.warn()

    assert "WARNING: DIRTY: src/new0.py" in caplog.text
    assert "and 2 more" in caplog.text


@pytest.mark.usefixtures("project")
def test_without_git_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither clean nor dirty."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    assert provenance.read_state().tags == {}
