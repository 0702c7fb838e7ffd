"""The remotes in .dvc/config are those that conf/ names."""

from pathlib import Path

import pytest

from common import ROOT
from mlops.storage import remotes


def test_the_committed_remotes_are_those_of_conf(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drift: after a change of storage.remote run `python -m mlops.storage.remotes`."""
    monkeypatch.chdir(ROOT)
    text = (ROOT / ".dvc" / "config").read_text()

    assert remotes.render_config(text) == text


def test_each_environment_has_a_bucket_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no remote is the default, so that plain `dvc repro` never asks for one."""
    monkeypatch.chdir(ROOT)
    text = (ROOT / ".dvc" / "config").read_text()
    buckets = {line.split("/")[2] for line in text.splitlines() if "url = " in line}

    assert len(buckets) == 3
    assert "remote =" not in text


def test_other_sections_stay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A remote that conf/ does not name goes, all else is kept."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(remotes, "CONFIG", tmp_path / "config")
    remotes.CONFIG.write_text("[core]\n    x = 1\n['remote \"old\"']\n    url = s3://old/x\n")

    remotes.main()
    text = remotes.CONFIG.read_text()

    assert text.startswith("[core]\n    x = 1\n")
    assert "old" not in text
