"""Rules of mlops.core.dvc_lock."""

from pathlib import Path

import pytest

import locks
from mlops.core import dvc_lock, hashing


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a model and a whole lock that knows it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_STAGE", raising=False)
    (tmp_path / "models" / "model").mkdir(parents=True)
    (tmp_path / "models" / "model" / "weights").write_text("1")
    known = hashing.dvc(tmp_path / "models" / "model")
    dvc_lock.LOCK.write_text(locks.text(models_model=known))
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_after_the_pipeline_the_lock_is_taken_as_it_is() -> None:
    """Byte for byte."""
    assert dvc_lock.current() == dvc_lock.LOCK.read_text()


def test_a_lock_of_another_model_is_not_taken(folder: Path) -> None:
    """Whoever runs a stage by hand leaves DVC behind."""
    (folder / "models" / "model" / "weights").write_text("2")

    assert dvc_lock.current() == ""


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("stage", "known"),
    [
        ("train", ["ingest", "prepare"]),
        ("evaluate", ["ingest", "prepare", "train"]),
        ("ingest", []),
    ],
)
def test_within_a_stage_only_those_before_it_are_taken(
    monkeypatch: pytest.MonkeyPatch, stage: str, known: list[str]
) -> None:
    """The others are of an earlier run."""
    monkeypatch.setenv("DVC_STAGE", stage)

    assert list(dvc_lock.stages(dvc_lock.current())) == known


@pytest.mark.parametrize("text", ["", "<<<<<<< HEAD\na: 1\n=======\n", "[]", "stages: 3"])
def test_a_lock_that_cannot_be_read_tells_nothing(text: str) -> None:
    """A merge conflict, say."""
    assert dvc_lock.hashes(text) == {}


def test_tags_are_named_by_what_they_hash() -> None:
    """As far as the lock knows."""
    assert dvc_lock.tags(locks.text("prepare")) == {
        "data.raw.md5": "md5 of data/raw",
        "data.prepared.md5": "md5 of data/prepared",
    }
