"""Rules of mlops.core.paths."""

from pathlib import Path

import pytest

from mlops.core import paths


def test_home_is_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stages run in the project's folder."""
    monkeypatch.chdir(tmp_path)

    assert paths.home() == tmp_path


def test_home_of_a_queued_experiment_is_its_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an experiment leaves outlives DVC's temporary copy of the project."""
    copy = tmp_path / ".dvc" / "tmp" / "exps" / "tmp1234"
    copy.mkdir(parents=True)
    monkeypatch.chdir(copy)

    assert paths.mlflow_store("qa") == tmp_path / ".mlflow" / "qa"
