"""Rules of the door to Hydra."""

import shutil
from pathlib import Path

import pytest

from common import ROOT
from mlops.config.composition import composed
from mlops.config.overrides import Override

CHOICES = {"env": "dev", "experiment": "default"}


@pytest.fixture(name="conf", autouse=True)
def _conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of conf/ in the current folder."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(ROOT / "conf", "conf"))


def test_values_are_plain() -> None:
    """What leaves the door is dicts, lists and scalars, without Hydra's own section."""
    values = composed(CHOICES, []).values

    assert type(values["training"]) is dict
    assert type(values["evaluate"]["length_slices"]) is list
    assert "hydra" not in values


def test_choices_name_the_files_that_were_taken() -> None:
    """The choices include those that an experiment or the defaults made."""
    found = composed({"env": "qa", "experiment": "xlnet-classifier"}, []).choices

    assert found == {"env": "qa", "experiment": "xlnet-classifier", "model": "xlnet"}


@pytest.mark.parametrize("name", ["default", "xlnet-classifier", "team/mine"])
def test_the_configuration_names_its_experiment(conf: Path, name: str) -> None:
    """By the path of its file, whatever that says."""
    (conf / "experiment" / "team").mkdir()
    (conf / "experiment" / "team" / "mine.yaml").write_text("experiment: other\n")

    assert composed(CHOICES | {"experiment": name}, []).values["experiment"] == name


def test_all_broken_references_are_collected(conf: Path) -> None:
    """One reference without a value hides neither another one nor the good values around it."""
    text = "data:\n  train_path: ${A}\n  labels: ['x', '${B}']\n"
    (conf / "experiment/default.yaml").write_text(text, encoding="utf-8")
    found = composed(CHOICES, [Override("training.epochs", "???")])

    assert {("data", "train_path"), ("data", "labels", 1), ("training", "epochs")} == set(
        found.broken
    )
    assert found.values["data"]["text_column"] == "text"
    assert "epochs" not in found.values["training"]


def test_references_between_values_are_followed() -> None:
    """`${section.key}` gives that key's value with its type."""
    found = composed(CHOICES, [Override("training.epochs", "${training.batch_size}")])

    assert found.values["training"]["epochs"] == 32
