"""`SHARE=1` in a clone brings the data that a .dvc file names, before anything runs."""

import logging
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from common import ROOT
from mlops.storage import share


@pytest.fixture(name="home")
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of a project whose experiment `mine` reads data that only the remote has."""
    home = tmp_path / "project"
    (home / "data").mkdir(parents=True)
    shutil.copytree(ROOT / "conf", home / "conf")
    shutil.copytree(ROOT / ".dvc", home / ".dvc", ignore=shutil.ignore_patterns("tmp", "cache"))
    shutil.copyfile(ROOT / ".gitignore", home / ".gitignore")
    remote = f"['remote \"dev\"']\n    url = {tmp_path / 'remote'}\n    verify = true\n"
    (home / ".dvc/config.local").write_text(remote)
    (home / "conf/experiment/mine.yaml").write_text("data: {train_path: data/rows.csv}\n")
    (home / "data/rows.csv").write_text("text,label\n")
    monkeypatch.chdir(home)
    monkeypatch.setenv("EXP", "mine")
    subprocess.run(["git", "init", "-q"], check=True)
    for words in (["add", "data/rows.csv"], ["push", "--remote", "dev"]):
        subprocess.run([sys.executable, "-m", "dvc", *words, "--quiet"], check=True)
    shutil.rmtree(".dvc/cache")
    Path("data/rows.csv").unlink()
    return home


def test_a_clone_gets_the_data_that_it_trains_on(home: Path) -> None:
    """Those of its experiment alone, and once."""
    share.fetch_data("dev")

    assert Path("data/rows.csv").read_text() == "text,label\n"


def test_a_remote_without_the_data_is_told(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is no error yet: what was made of them may be in the cache."""
    caplog.set_level(logging.WARNING)
    shutil.rmtree(home.parent / "remote/files")

    share.fetch_data("dev")

    assert "does not have the data of data/rows.csv.dvc; `make push ENV=dev`" in caplog.text
