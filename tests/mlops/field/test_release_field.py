"""From training to the gate and the notes, typed: what nobody committed or made is not released.

One clone and one training for all steps, which follow each other as a person's do.
"""

from dataclasses import dataclass

import pytest

from door import Project, warmed

pytestmark = pytest.mark.field
TRAIN, REGISTER, GATE = ("make", "train"), ("make", "register"), ("make", "gate")
NOTES = ("make", "release-notes")
LAX = {
    "max_latency_ms": 10000.0, "min_accuracy": 0.0001, "min_macro_f1": 0.0001, "min_recall": 0.0,
    "min_rows": 1, "min_worst_slice": 0.0, "max_ece": 1.0,
}  # fmt: skip
SLICES = "evaluate.length_slices=[16]"
SED = "sed -i 's/min_accuracy: .*/min_accuracy: 0.0002/' params.yaml"
DOCTOR = (
    'python -c \'import polars as pl; p = "data/prepared/test.parquet"; '
    "pl.read_parquet(p).head(50).write_parquet(p)'"
)


@dataclass(frozen=True)
class Step:
    """Commands as typed, one after the other; the last one's exit code and words are expected."""

    name: str
    commands: tuple[tuple[str, ...] | str, ...]
    says: tuple[str, ...]
    fails: bool = False
    exp: str = "small"


RESAMPLES = "sed -i 's/resamples: .*/resamples: 100/' params.yaml"
HIDE = "git update-index --assume-unchanged conf/experiment/strict.yaml"
SHOW = "git update-index --no-assume-unchanged conf/experiment/strict.yaml && git checkout -q conf"
STEPS = (
    Step("the first version", (TRAIN, REGISTER), ("version 1 is registered in qa",)),
    Step("other settings of the same training",
         ((*TRAIN, "SET=serving.max_items=100"), REGISTER), ("version 2 is registered",)),
    Step("back to the first settings", (TRAIN, REGISTER), ("version 1 was registered already",)),
    Step("whose files are still its own", (GATE,), ("version 1 is accepted", "as committed")),
    Step("bounds that nobody has committed", (REGISTER, SED, GATE),
         ("at least 0.999", "params.yaml is ignored here: gate.min_accuracy is 0.0002"),
         fails=True, exp="strict"),
    Step("conf edited where Git is told not to look",
         ("sed -i 's/0.999/0.0002/' conf/experiment/strict.yaml", HIDE, TRAIN, GATE),
         ("at least 0.999",), fails=True, exp="strict"),
    Step("params.yaml that no run had", (SHOW, TRAIN, RESAMPLES, REGISTER),
         ("params.yaml has other values", "make train EXP=small ENV=qa"), fails=True),
    Step("measured otherwise by SET", ((*TRAIN, f"SET={SLICES}"), REGISTER, GATE),
         ("measured by: evaluate.length_slices is [16], committed is [8, 16, 32]",), fails=True),
    Step("a doctored test split is not registered", (TRAIN, DOCTOR, REGISTER),
         ("data/prepared has been changed", "dvc checkout --force data/prepared"), fails=True),
    Step("nor judged on", (GATE,), ("data/prepared has been changed",), fails=True),
    Step("and comes back as the sentence says",
         ("dvc checkout --force data/prepared", REGISTER, GATE), ("version 1 is accepted",)),
    Step("notes of a commit that nobody trained",
         ("git commit -q --allow-empty -m next", NOTES), ("has not been trained in qa yet",),
         fails=True),
)  # fmt: skip


@pytest.fixture(name="home", scope="module")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A clone with two committed experiments, which differ in one bound."""
    home = warmed(tmp_path_factory.mktemp("release") / "project")
    small = {
        "data": {"synthetic_rows": 1500}, "training": {"epochs": 1}, "model": {"name": "small"},
        "evaluate": {"behaviour": [], "slice_columns": [], "resamples": 200},
    }  # fmt: skip
    home.experiment("small", **small, gate=LAX)
    home.experiment("strict", **small, gate={**LAX, "min_accuracy": 0.999})
    home.shell("git add -A && git commit -qm 'Two experiments'")
    return home


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name.replace(" ", "-"))
def test_release(step: Step, home: Project) -> None:
    """A version keeps its files, and only what is committed and made judges and is judged."""
    for command in step.commands:
        typed = ("bash", "-c", command) if isinstance(command, str) else command
        answer = home.run(*typed, ENV="qa", EXP=step.exp)

    assert "Traceback" not in answer.output, answer.output[-5000:]
    assert bool(answer.code) == step.fails, answer.output[-5000:]
    assert not [text for text in step.says if text not in answer.output], answer.output[-5000:]
