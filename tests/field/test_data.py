"""Data files as they come, typed as `dvc repro prepare`: rows and labels, or the sentence."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest

from field.door import Project, project

pytestmark = pytest.mark.field


@dataclass(frozen=True)
class Case:
    """Files by name, the source that the experiment names, and what must come of them.

    `rows` and `labels` are what `prepare` keeps of all splits; `says` must all be printed. Without
    `rows` the command must end with exit code 1 and no traceback.
    """

    name: str
    files: Mapping[str, bytes | str]
    rows: int | None = None
    labels: tuple[str, ...] = ("neg", "pos")
    says: tuple[str, ...] = ()
    source: str | None = None  # of several files; else the only one
    sections: Mapping[str, object] = field(default_factory=dict)  # of the experiment, beside data
    data: Mapping[str, object] = field(default_factory=dict)  # keys of the section data


def csv(rows: int = 40, header: str = "text,label", delimiter: str = ",") -> str:
    """Return a plain file of different texts of two classes."""
    lines = [f"a film of number {n}{delimiter}{('neg', 'pos')[n % 2]}" for n in range(rows)]
    return "\n".join([header.replace(",", delimiter), *lines, ""])


CASES = (
    Case("plain", {"reviews.csv": csv()}, rows=40),
    Case(
        "one row with an unquoted comma",
        {"reviews.csv": csv() + "good, but long,pos\n"},
        says=("reviews.csv", "row 42"),
    ),
    Case(
        "one byte of another encoding",
        {"reviews.csv": csv().encode() + "café,pos\n".encode("latin-1")},
        says=("reviews.csv, line 42, byte 4", "not UTF-8"),
    ),
)


@pytest.fixture(name="home", scope="module")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One clone for all cases: each names files of its own."""
    return project(tmp_path_factory.mktemp("data") / "project")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_data(case: Case, home: Project, tmp_path: Path) -> None:
    """What a file holds comes out whole, or a sentence says why not."""
    for name, content in case.files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    source = tmp_path / (case.source or next(iter(case.files)))
    home.experiment("field", data={"train_path": str(source), **case.data}, **case.sections)

    answer = home.run("dvc", "repro", "prepare", EXP="field")

    assert "Traceback" not in answer.output
    assert not [text for text in case.says if text not in answer.output], answer.output[-3000:]
    if case.rows is None:
        assert answer.code, answer.output[-3000:]
        assert "error: " in answer.output
    else:
        assert answer.code == 0, answer.output[-3000:]
        assert kept(home.folder) == (case.rows, list(case.labels))


def kept(folder: Path) -> tuple[int, list[str]]:
    """Return how many rows `prepare` has kept, and the labels."""
    prepared = folder / "data" / "prepared"
    rows = sum(pl.read_parquet(path).height for path in prepared.glob("*.parquet"))
    return rows, json.loads((prepared / "labels.json").read_text())["labels"]
