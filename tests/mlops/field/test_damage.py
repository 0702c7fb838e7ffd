"""Odd labels and damaged files, through `make`: a sentence with the cure, and the cure works."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mlflow
import polars as pl
import pytest

from door import Project, warmed
from mlops.core.hashing import digest

pytestmark = pytest.mark.field

LABELS = ("😀 a//b", "😡 a//b", "a/../b", ">50", "<50", "C++")
WORDS = ("good", "bad", "dull", "tall", "thin", "warm")


@dataclass(frozen=True)
class Case:
    """What happens to a file, the command typed then, and what it says.

    `cure` is typed after a command that fails, which must then succeed.
    """

    name: str
    path: str  # a pattern; each file that fits is damaged
    damage: Callable[[Path], object]
    command: str
    says: str
    cure: str | None = None


def empty(path: Path) -> None:
    """Leave nothing, as a power cut does."""
    path.write_bytes(b"")


def half(path: Path) -> None:
    """Leave the first half."""
    os.truncate(path, path.stat().st_size // 2)


def binary(path: Path) -> None:
    """Leave other bytes."""
    path.write_bytes(b"\xff\x00\xfe" * 999)


RECORD, STORE = ".runs/*.json", ".mlflow/dev/mlflow.db"
SUMMARY, EVALUATE = "python -m mlops.pipeline.summary", "python -m ml.evaluate"
LINEAGE, MADE = "make lineage RUN=abc", "dvc repro evaluate"
AWAY = f"mv {STORE} {STORE}.damaged && {EVALUATE}"
ASIDE, WEIGHTS = "is damaged and was set aside", "models/model/model.safetensors"
WORDS_OF = "models/model/tokenizer_config.json"
CASES = (
    Case("empty record", RECORD, empty, SUMMARY, ASIDE),
    Case("half a record", RECORD, half, SUMMARY, ASIDE),
    Case("binary record", RECORD, binary, SUMMARY, ASIDE),
    Case("metrics", "reports/metrics.json", empty, SUMMARY, "metrics.json is damaged", MADE),
    Case("data report", "reports/data.json", empty, SUMMARY, "data.json is damaged", MADE),
    Case("table", "data/prepared/val.parquet", half, EVALUATE, "val.parquet is damaged", MADE),
    Case("half the weights", WEIGHTS, half, EVALUATE, "model.safetensors is damaged", MADE),
    Case("no tokenizer", WORDS_OF, Path.unlink, EVALUATE, "config.json is missing", MADE),
    Case("half a store", STORE, half, "make doctor", "mlflow.db is damaged", AWAY),
    Case("binary store", STORE, binary, LINEAGE, "mlflow.db is damaged", AWAY),
)


@pytest.fixture(name="home", scope="module")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A clone with a model of odd labels, long texts and slices of addresses."""
    home = warmed(tmp_path_factory.mktemp("damage") / "project")
    rows = [
        {
            "text": f"number {n} is {WORDS[n % 6]}" + " and so on" * 60,
            "label": LABELS[n % 6],
            "source": ("http://x//y", "http://x/y", "../x", "")[n % 4],
        }
        for n in range(360)
    ]
    pl.DataFrame(rows).write_csv(home.folder / "odd.csv")
    home.experiment(
        "odd",
        data={"train_path": str(home.folder / "odd.csv")},
        evaluate={"behaviour": [], "slice_columns": ["source"], "min_slice_rows": 1},
        training={"epochs": 1},
    )
    answer = home.run("make", "train", timeout=540, EXP="odd")
    (home.folder / "answer").write_text(answer.output)
    assert answer.code == 0, answer.output[-3000:]
    return home


def test_labels_of_signs_are_trained_and_recorded_whole(home: Project) -> None:
    """Each figure of each label has a metric of its own in MLflow, and `make sync` has nothing."""
    client = mlflow.MlflowClient(f"sqlite:///{home.folder / STORE}")
    (run,) = client.search_runs([one.experiment_id for one in client.search_experiments()])
    recalls = [name for name in run.data.metrics if name.endswith(".recall")]
    slices = [n for n in run.data.metrics if "slices.source_" in n and n.endswith(".accuracy")]

    assert len([name for name in recalls if ".per_class." in name]) == len(LABELS)
    assert len(slices) == 4
    assert "refused" not in run.data.tags
    assert home.run("make", "sync").code == 0


def test_texts_that_are_longer_than_the_model_takes_are_told(home: Project) -> None:
    """In the log of the training and on the model card."""
    assert "100 % of the training texts are longer" in (home.folder / "answer").read_text()
    assert "of the training texts were" in (home.folder / "reports/model_card.md").read_text()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_damage(case: Case, home: Project) -> None:
    """A sentence says what is damaged, and what it advises works."""
    damaged = sorted(home.folder.glob(case.path))
    if case.path == RECORD and not damaged:  # the case before has set it aside
        (home.folder / ".runs" / f"{digest(home.folder / 'models/model')}.json").write_text("{}")
    for path in sorted(home.folder.glob(case.path)):
        content = path.read_bytes()
        path.unlink()  # DVC may have linked it to its cache
        path.write_bytes(content)
        case.damage(path)

    answer = home.shell(case.command, EXP="odd")

    assert case.says in answer.output, answer.output[-3000:]
    assert "Traceback" not in answer.output
    assert (answer.code != 0) is bool(case.cure)
    if case.cure:
        healed = home.shell(case.cure, EXP="odd")
        assert healed.code == 0, healed.output[-3000:]


def test_a_copied_project_records_in_its_own_folder(home: Project) -> None:
    """Its runs leave no file in the folder that it was copied from."""
    copy = home.folder.parent / "copy"
    answer = home.shell(f"cp -r . {copy} && rm -rf {copy}/.venv")
    assert answer.code == 0
    before = sorted(home.folder.glob(".mlflow/dev/artifacts/*"))
    venv = home.folder / ".venv/bin/python"
    answer = Project(copy).shell(
        f"PYTHONPATH=src {venv} -m ml.evaluate && PYTHONPATH=src {venv} -m mlops.pipeline.summary"
    )

    assert answer.code == 0, answer.output[-3000:]
    assert sorted(home.folder.glob(".mlflow/dev/artifacts/*")) == before
