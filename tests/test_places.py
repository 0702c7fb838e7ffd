"""Rules of ml.places."""

from pathlib import Path

import pytest

from ml import places


def test_home_is_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stages run in the project's folder."""
    monkeypatch.chdir(tmp_path)

    assert places.home() == tmp_path


def test_home_of_a_queued_experiment_is_its_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an experiment leaves outlives DVC's temporary copy of the project."""
    copy = tmp_path / ".dvc" / "tmp" / "exps" / "tmp1234"
    copy.mkdir(parents=True)
    monkeypatch.chdir(copy)

    assert places.mlflow_store("qa") == tmp_path / ".mlflow" / "qa"
