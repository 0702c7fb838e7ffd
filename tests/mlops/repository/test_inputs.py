"""What a stage runs is an input of it in dvc.yaml, or an observer in docs/pipeline.md."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import observers
import warm
from common import ROOT, verdicts, write_params
from house import SRC
from ml.config import Params
from mlops.core import hashing
from observers import PIPELINE, STAGES

TESTS = [
    {"name": "names", "replace": {"film": "movie"}},
    {"name": "cases", "cases": [{"text": "film 1 was good", "label": "positive"}]},
]
# An input of a stage, and a change in it that its outputs must show.
INPUTS = {
    "ingest": ("mlops/core/hashing.py", "digest_size=8", "digest_size=16"),
    "train": ("mlops/training/sampler.py", "+ self.epoch)", "+ self.epoch + 1)"),
}


def names(stage: str) -> set[str]:
    """Return what a stage depends on, as dvc.yaml names it."""
    return set(PIPELINE[stage]["deps"])


def inputs(stage: str) -> set[Path]:
    """Return the code that a stage depends on."""
    return {ROOT / path for path in names(stage) if path.startswith("src/")}


@pytest.mark.parametrize("stage", STAGES)
def test_what_a_stage_runs_is_an_input_or_an_observer(stage: str) -> None:
    """Nothing is left out, and nothing is both."""
    code, listed = observers.code(stage), observers.listed()[stage]
    named = observers.under(inputs(stage), code)
    watching = observers.under(listed, code)
    both = set().union(*named.values()) & set().union(*watching.values())

    assert code == set().union(*named.values(), *watching.values())
    assert both == set()


@pytest.mark.parametrize("stage", STAGES)
def test_no_input_and_no_observer_is_idle(stage: str) -> None:
    """What a stage names, and what is listed for it, it runs; of the machinery's folders all."""
    code = observers.code(stage)
    named = observers.under(inputs(stage) | observers.listed()[stage], code)
    machinery = {path for path in inputs(stage) if path.is_dir() and "mlops" in path.parts}
    modules = {one for path in machinery for one in path.rglob("*.py") if one.stem != "__init__"}

    assert [path for path, found in named.items() if not found] == []
    assert modules - code == set()


def test_other_code_is_there_for_observers_alone() -> None:
    """Each observer has a program to replace it, and each program replaces one."""
    listed = set().union(*observers.listed().values())
    replaced = {SRC / name for name in observers.OTHERWISE}

    assert listed <= replaced
    assert {path for path in replaced if not {path, *path.parents} & listed} == set()


def test_the_document_tells_which_stages_a_change_runs() -> None:
    """Its table of kinds of change is as dvc.yaml says."""
    rows = observers.KIND.findall(observers.PAGE.read_text("utf-8"))
    running = {
        file: [stage for stage in STAGES if {file, *map(str, Path(file).parents)} & names(stage)]
        for file, _ in rows
    }

    assert len(rows) == 11
    assert all((ROOT / file).exists() for file in running)
    assert {file: told.split(", ") for file, told in rows} == {
        file: stages or ["none"] for file, stages in running.items()
    }


def made(stage: str, project: Path) -> dict[str, str]:
    """Return the digests of what a stage has made."""
    outputs = [*PIPELINE[stage]["outs"], *PIPELINE[stage].get("metrics", [])]
    return {name: hashing.digest(project / name) for name in outputs}


def run(stage: str, project: Path, source: Path) -> dict[str, str]:
    """Run a stage of a project by a copy of src; return the digests of its outputs."""
    subprocess.run(
        [warm.python(ROOT / ".venv"), "-m", f"ml.{stage}"],
        cwd=project, env={**os.environ, "PYTHONPATH": str(source)}, check=True,
    )  # fmt: skip
    return made(stage, project)


def copied(folder: Path) -> Path:
    """Copy the code, for changes, and the pipeline that lies beside it."""
    shutil.copy(ROOT / "dvc.yaml", folder)
    shutil.copytree(SRC, folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return folder / "src"


@pytest.fixture(name="project", scope="module")
def _project(
    tmp_path_factory: pytest.TempPathFactory, make_params: Callable[..., Params], empty_store: Path
) -> Path:
    """A project in which all stages have run: 300 rows of a CSV, a network of 16 units."""
    folder = tmp_path_factory.mktemp("project")
    rows = pl.DataFrame(verdicts(0, 300)).with_columns(
        label=pl.when(pl.col("label") == 1).then(pl.lit("positive")).otherwise(pl.lit("negative")),
        source=pl.lit("web"),
    )
    rows.with_columns(pl.col("text") + "  seen").write_csv(folder / "rows.csv")
    store = folder / ".mlflow" / "dev"
    store.mkdir(parents=True)
    shutil.copy(empty_store, store)
    params = make_params(
        data={"train_path": "rows.csv"},
        prepare={"sample": 0.9, "min_sample": 0},
        evaluate={"behaviour": TESTS, "slice_columns": ["source"]},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_params(params)
    for stage in STAGES:
        run(stage, folder, SRC)
    return folder


@pytest.fixture(name="copy")
def _copy(project: Path, tmp_path: Path) -> Path:
    """That project, to run a stage of it again."""
    leaving = shutil.ignore_patterns(".*", "elsewhere")
    return Path(shutil.copytree(project, tmp_path / "copy", ignore=leaving))


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_observers_decide_no_byte(stage: str, project: Path, copy: Path) -> None:
    """With other code in the place of all of them a stage makes the same, and records nothing."""
    source = copied(copy)
    observers.alter(stage, source)
    before = made(stage, project)

    assert run(stage, copy, source) == before
    assert not (copy / ".mlflow").exists()


@pytest.mark.slow
@pytest.mark.parametrize("stage", INPUTS)
def test_an_input_decides_bytes(stage: str, project: Path, copy: Path) -> None:
    """The comparison would show it: with other code in the place of one the outputs are others."""
    name, old, new = INPUTS[stage]
    source = copied(copy)
    path = source / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    (copy / ".mlflow").symlink_to(project / ".mlflow")

    assert run(stage, copy, source) != made(stage, project)
