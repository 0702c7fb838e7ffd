"""Rules of the schema and of reading params.yaml."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ml.config import Params
from mlops.config import schema
from mlops.core.errors import ConfigError

Make = Callable[..., Params]


def test_configuration_is_frozen(params: Params) -> None:
    """No stage can change what another one reads."""
    with pytest.raises(ValidationError, match="frozen"):
        params.training.epochs = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    "section", [name for name in Params.model_fields if name not in ("environment", "experiment")]
)
def test_every_section_refuses_unknown_keys(make_params: Make, section: str) -> None:
    """A misspelt key is never ignored."""
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        make_params(**{section: {"unknown": 1}})


@pytest.mark.parametrize(
    ("sections", "rule"),
    [
        ({"data": {"val_fraction": 0.5, "test_fraction": 0.5}}, "at least 0.2 for training"),
        (
            {"data": {"train_path": "a.csv", "val_path": "a.csv"}},
            "val_path must not be the same source as train",
        ),
        ({"data": {"val_path": "a", "test_path": "a"}}, "must not be the same source as val_path"),
        ({"data": {"labels": ["1", 1]}}, "labels must all be different"),
        ({"model": {"architecture": "custom"}}, "needs model.custom"),
        ({"model": {"custom": "x"}}, "needs architecture: custom"),
        ({"model": {"revision": "x"}}, "needs model.pretrained"),
        ({"training": {"loss_function": "focal", "label_smoothing": 0.1}}, "cross_entropy only"),
        ({"training": {"class_weights": [1.0, 0.0]}}, "must all be positive"),
        ({"evaluate": {"behaviour": [{"name": "x"}]}}, "exactly one of"),
        ({"evaluate": {"behaviour": [{"name": "x", "cases": []}]}}, "'x' is empty"),
        ({"evaluate": {"behaviour": [{"name": "x", "pairs": []}]}}, "'x' is empty"),
        ({"evaluate": {"behaviour": [{"name": "x", "replace": {}}]}}, "'x' is empty"),
        ({"evaluate": {"behaviour": [{"name": "x", "replace": {"": "y"}}]}}, "name the words"),
        ({"evaluate": {"behaviour": [{"name": "x", "replace": {"a": "b"}}] * 2}}, "of its own"),
        ({"data": {"labels": ["a", "b"]}, "training": {"class_weights": [1.0] * 3}}, "3 values"),
    ],
)
def test_values_must_fit_together(make_params: Make, sections: dict[str, Any], rule: str) -> None:
    """A rule between keys is told in its own words."""
    with pytest.raises(ValidationError, match=rule):
        make_params(**sections)


@pytest.mark.usefixtures("project")
def test_composed_file_is_read_as_it_was_written(params: Params) -> None:
    """Writing and reading a configuration changes nothing."""
    assert params == schema.load()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epochs: 1", "epochs: 0", r"training\.epochs: Input should be greater"),
        ("epochs: 1", "epoch: 1", r"training\.epoch"),
        ("epochs: 1", "epochs: [1", r"line \d+"),
    ],
)
def test_broken_file_is_told(project: Path, old: str, new: str, message: str) -> None:
    """What is wrong with params.yaml is told with the command that writes it anew."""
    path = project / "params.yaml"
    path.write_text(path.read_text("utf-8").replace(old, new), encoding="utf-8")

    with pytest.raises(ConfigError, match=rf"(?s){message}.*mlops\.pipeline\.compose` writes"):
        schema.load()


def test_missing_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without params.yaml a stage says which command writes it."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError, match=r"(?s)No such file.*mlops\.pipeline\.compose` writes"):
        schema.load()


def test_a_section_computes_nothing() -> None:
    """What is no value of params.yaml would change without a stage that runs again."""
    with pytest.raises(TypeError, match=r"Warm\.steps is computed, not a value"):

        class Warm(schema.Training):
            """A section with a value that is not in params.yaml."""

            @property
            def steps(self) -> int:
                """Return what changes with this code."""
                return self.epochs * 2
