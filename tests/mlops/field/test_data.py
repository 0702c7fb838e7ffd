"""Data files as they come, through the stages as typed: the rows and labels, or the sentence."""

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from data_cases import CASES, Case, Link, Pipe
from door import Answer, Project, project, warmed

pytestmark = pytest.mark.field
SMALL = {"sample": 1.0, "min_rows": 1, "min_class_share": 0.0}
STAGES = {
    "ingest": "python -m ml.ingest",
    "prepare": "python -m ml.ingest && python -m ml.prepare",
}


@pytest.fixture(name="home", scope="module")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One clone for all cases: each names files of its own."""
    return warmed(tmp_path_factory.mktemp("data") / "project")


@pytest.fixture(name="own", scope="module")
def _own(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One whose DVC and stages start as a user's do."""
    return project(tmp_path_factory.mktemp("own") / "project")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_data(case: Case, home: Project, own: Project, tmp_path: Path) -> None:
    """What a file holds comes out whole, or a sentence says why not."""
    for name, content in case.files.items():
        lay(tmp_path / name, content)
    source = tmp_path / (case.source or next(iter(case.files)))
    data = {"train_path": f"{source}{case.ending}", **case.data}

    if case.through == "dvc":
        own.experiment("field", data=data)
        answer, folder = own.run("dvc", "repro", "prepare", EXP="field"), own.folder
    else:
        answer, folder = stages(home, tmp_path / "work", case.through, data), tmp_path / "work"

    assert "Traceback" not in answer.output, answer.output[-3000:]
    assert not [text for text in case.says if text not in answer.output], answer.output[-3000:]
    if case.rows is None:
        assert answer.code, answer.output[-3000:]
        assert answer.output.count("error: ") == 1
    else:
        assert answer.code == 0, answer.output[-3000:]
        found = raw(folder) if case.through == "ingest" else prepared(folder)
        assert found == (case.rows, sorted(case.labels))


def lay(path: Path, content: bytes | str | Link | Pipe) -> None:
    """Write a file, or what else a folder may hold."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, Link):
        path.symlink_to(content.target)
    elif isinstance(content, Pipe):
        os.mkfifo(path)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def stages(home: Project, folder: Path, last: str, data: Mapping[str, Any]) -> Answer:
    """Run the stages up to `last` in a folder whose params.yaml names these data."""
    values = yaml.safe_load((home.folder / "params.yaml").read_text())
    values["data"] |= data
    values["prepare"] |= SMALL
    folder.mkdir()
    (folder / "params.yaml").write_text(yaml.safe_dump(values, allow_unicode=True))
    return home.shell(f"cd {shlex.quote(str(folder))} && {STAGES[last]}", timeout=60)


def raw(folder: Path) -> tuple[int, list[str]]:
    """Return how many rows `ingest` has written, and their labels."""
    rows = pl.concat(
        pl.read_parquet(path, columns=["text", "label"])
        for path in (folder / "data" / "raw").glob("*.parquet")
    )
    return rows.height, sorted(rows["label"].drop_nulls().unique())


def prepared(folder: Path) -> tuple[int, list[str]]:
    """Return how many rows `prepare` has kept, and the labels."""
    made = folder / "data" / "prepared"
    rows = sum(pl.read_parquet(path).height for path in made.glob("*.parquet"))
    return rows, sorted(json.loads((made / "labels.json").read_text())["labels"])
