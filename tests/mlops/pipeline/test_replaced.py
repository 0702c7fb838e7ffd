"""Rules of mlops.pipeline.replaced: no model of another experiment goes without a word."""

import logging
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops.pipeline import replaced

VALUES = {"data": {"train_path": "a.csv"}, "training": {"epochs": 1}}
OTHER = VALUES | {"data": {"train_path": "b.csv"}}


@pytest.fixture(autouse=True)
def _home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A project whose model was made for EXP=tickets in qa."""
    monkeypatch.chdir(tmp_path)
    Path("models/model").mkdir(parents=True)
    Path(".dvc").mkdir()
    caplog.set_level(logging.INFO)
    ask(monkeypatch, {}, VALUES, EXP="tickets", ENV="qa", SET="training.epochs=1")
    lock(VALUES)


def lock(values: dict[str, Any]) -> None:
    """Write a dvc.lock of a model with these values."""
    keys = {"ingest": "data.train_path", "prepare": "data", "train": "training.epochs"}
    found = {"data.train_path": values["data"]["train_path"], "data": values["data"]}
    found["training.epochs"] = values["training"]["epochs"]
    stages = {name: {"params": {"params.yaml": {k: found[k]}}} for name, k in keys.items()}
    Path("dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))


def ask(
    patch: pytest.MonkeyPatch, previous: dict[str, Any], now: dict[str, Any], **variables: str
) -> None:
    """Compose for what the variables say."""
    for name in replaced.DEFAULTS:
        patch.setenv(name, variables.get(name, ""))
    replaced.warn(previous, now)


def test_another_experiment_is_told_beforehand(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With the command that brings the model back, and once."""
    ask(monkeypatch, VALUES, OTHER)
    ask(monkeypatch, OTHER, OTHER)

    assert caplog.messages == [
        "EXP=default in dev replaces models/ and reports/ of EXP=tickets in qa, which DVC's cache "
        'keeps: `make train ENV=qa EXP=tickets SET="training.epochs=1"` brings them back'
    ]


def test_a_run_that_failed_has_made_no_model(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The model is still that of the run before."""
    ask(monkeypatch, VALUES, OTHER)
    ask(monkeypatch, OTHER, VALUES | {"data": {}}, EXP="third")

    assert "of EXP=tickets in qa" in caplog.messages[-1]


def test_other_values_of_the_same_experiment_are_no_news(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor is an experiment that makes the same model."""
    ask(monkeypatch, VALUES, OTHER, EXP="tickets", ENV="qa")
    ask(monkeypatch, VALUES, VALUES, EXP="copy")

    assert caplog.messages == []
