"""The folder that the service reads: where it is, what is in it, what is said when it is wrong."""

import json
from pathlib import Path

import pytest

import toy
from mlops.config import schema
from mlops.serving import settings
from mlops.serving.settings import FolderError, Settings


def test_the_settings_are_the_section_of_the_configuration() -> None:
    """The service takes what the schema of conf/ lets through, and nothing else."""
    assert set(Settings.model_fields) == set(schema.Serving.model_fields)
    assert Settings(**toy.settings()).model_dump() == toy.settings()


@pytest.mark.parametrize("root", [".", "src"])
def test_the_folder_is_found_in_bento_and_work_tree(tmp_path: Path, root: str) -> None:
    """Beside the package in a Bento, beside src/ in the work tree."""
    folder = tmp_path / settings.FOLDER
    folder.mkdir(parents=True)
    (folder / "serving.json").touch()

    assert settings.find(tmp_path / root / "ml" / "service.py") == folder


def test_a_missing_folder_tells_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it should have been."""
    with pytest.raises(FolderError, match="make train"):
        settings.find(tmp_path / "src" / "ml" / "service.py")
    monkeypatch.setenv("SERVING_FOLDER", str(tmp_path / "elsewhere"))
    with pytest.raises(FolderError, match="elsewhere"):
        settings.find(tmp_path / "src" / "ml" / "service.py")


def test_a_folder_of_another_version_is_refused(tmp_path: Path) -> None:
    """A key that this code does not know is not ignored."""
    folder = toy.serving(toy.export(tmp_path / "bento"))
    value = json.loads((folder / "serving.json").read_text())
    (folder / "serving.json").write_text(json.dumps({**value, "more": 1}))

    with pytest.raises(FolderError, match="make package"):
        settings.load(folder)
