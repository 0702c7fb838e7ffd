"""Rules of mlops.pipeline.tracked: whether a commit carries the data."""

import subprocess
from pathlib import Path

import pytest

from mlops.core.errors import DataError
from mlops.pipeline import tracked
from mlops.tables.readers import shards


@pytest.fixture(name="home", autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository that ignores data/, with data of each kind."""
    (tmp_path / "outside.csv").touch()
    home = tmp_path / "project"
    for name in ("data/lost.csv", "data/kept.csv", "data/kept.csv.dvc", "data/raw/forced.csv",
                 "data/many/a.csv", "data/many.dvc", "new.csv"):  # fmt: skip
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).touch()
    (home / ".gitignore").write_text("/data/?*\n!/data/?*.dvc\n")
    for words in (["init", "-q"], ["add", "-f", "data/raw/forced.csv"]):
        subprocess.run(["git", *words], cwd=home, check=True)
    monkeypatch.chdir(home)
    return home


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (
            "data/lost.csv",
            "data.train_path: data/lost.csv is ignored by Git and not tracked by DVC",
        ),
        ("../outside.csv", "data.train_path: ../outside.csv is outside the repository"),
        ("data/kept.csv", ""),
        ("data/many", ""),
        ("data/many/a.csv", ""),
        ("data/raw/forced.csv", ""),
        ("new.csv", ""),  # the next commit has it
        ("synthetic", ""),
        ("s3://bucket/rows.csv", ""),
        ("hf:imdb", ""),
    ],
)
def test_what_no_commit_carries_is_told(path: str, said: str) -> None:
    """A clone could not train; what to do stands behind it."""
    found = tracked.untracked({"train_path": path, "val_path": None})

    assert "".join(found)[: len(said) or None] == said


def test_data_that_only_their_dvc_file_stands_for_are_found(home: Path) -> None:
    """As in a fresh clone; the reader says how to get them."""
    (home / "data/kept.csv").unlink()

    assert tracked.absent({"train_path": "data/kept.csv", "test_path": "data/many"}) == [
        Path("data/kept.csv.dvc")
    ]
    with pytest.raises(
        DataError, match=r"does not exist here; `make pull` or `dvc pull .*kept.csv"
    ):
        shards.find("data/kept.csv", ())


def test_what_the_pipeline_keeps_is_no_neighbour(home: Path) -> None:
    """Nobody has mistyped data/raw.partial."""
    (home / "data/raw.partial").mkdir()

    with pytest.raises(DataError, match=r"; its folder holds 'kept.csv', 'lost.csv', 'many'$"):
        shards.find("data/zzz.parquet", ())
