"""Rules of mlops.training.checkpoint_key."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from common import ROOT
from ml.config import Params
from mlops.training.checkpoint_key import key

DATA = {"train": "1", "val": "2"}


@pytest.fixture(name="code", scope="module")
def _code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pipeline and the code of this project, to edit."""
    folder = tmp_path_factory.mktemp("code")
    shutil.copy(ROOT / "dvc.yaml", folder)
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def edited(params: Params, code: Path, name: str) -> str:
    """Return the key while a file has one line more."""
    path = code / "src" / name
    text = path.read_text() if path.exists() else ""
    path.write_text(f"{text}# one more\n")
    try:
        return key(params, DATA, code)
    finally:
        path.write_text(text)


@pytest.mark.parametrize("name", ["mlops/deployment/manifests.py", "ml/evaluation/scores.py"])
def test_code_that_trains_nothing_keeps_the_key(params: Params, code: Path, name: str) -> None:
    """A killed training goes on after an edit of what deploys or records."""
    assert edited(params, code, name) == key(params, DATA, code)


@pytest.mark.parametrize("name", ["ml/model/losses.py", "ml/train.py", "ml/model/added.py"])
def test_code_that_trains_decides_the_key(params: Params, code: Path, name: str) -> None:
    """What an earlier loss has trained is not trained on with another one."""
    assert edited(params, code, name) != key(params, DATA, code)


def test_files_of_one_name_do_not_stand_for_each_other(params: Params, tmp_path: Path) -> None:
    """Of two files in different folders each counts by its own path."""
    code = tmp_path / "src" / "ml" / "model"
    for part in ("one", "two"):
        (code / part).mkdir(parents=True)
        (code / part / "layers.py").write_text(part)
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    before = key(params, DATA, tmp_path)
    (code / "one" / "layers.py").write_text("edited")

    assert key(params, DATA, tmp_path) != before


def test_what_python_compiles_keeps_the_key(params: Params, code: Path) -> None:
    """Running the code once makes no other code of it."""
    before = key(params, DATA, code)
    cache = code / "src" / "ml" / "model" / "__pycache__"
    cache.mkdir()
    (cache / "losses.cpython-313.pyc").write_bytes(b"compiled")

    assert key(params, DATA, code) == before


@pytest.mark.parametrize(
    ("section", "name", "value", "same"),
    [
        ("training", "learning_rate", 0.5, False),
        ("model", "max_length", 9, False),
        ("model", "name", "other", True),
        ("resources", "workers", 2, True),
    ],
)
def test_values_that_train_decide_the_key(
    make_params: Callable[..., Params], section: str, name: str, value: object, same: bool
) -> None:
    """A value that dvc.yaml names for the stage `train` counts, any other does not."""
    other = make_params(**{section: {name: value}})

    assert (key(other, DATA) == key(make_params(), DATA)) is same


def test_other_rows_have_another_key(params: Params) -> None:
    """A checkpoint is of the rows that it has seen."""
    assert key(params, DATA) != key(params, {**DATA, "train": "3"})
