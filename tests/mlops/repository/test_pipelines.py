"""The real pipeline in fresh clones, as a new user types it. Slow: `make test-e2e`."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from clones import FAST, call, clone, environment, installed, ran, warmed
from common import ROOT

pytestmark = pytest.mark.slow

STAGES = ("ingest", "prepare", "train", "evaluate", "export")
CHECKPOINTS = f"{FAST} resources.checkpoint_steps=20"


@pytest.fixture(name="project", scope="module")
def _project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which the pipeline has run once, its lock committed."""
    project = warmed(tmp_path_factory.mktemp("first") / "project")
    call(project, "dvc", "repro")
    call(project, "git", "add", "-A")
    call(project, "git", "commit", "--quiet", "--message", "first run")
    return project


def test_a_fresh_clone_trains_in_one_command(tmp_path: Path) -> None:
    """`make train ENV=dev` installs, runs and sums up; a second time neither installs nor runs."""
    project = clone(tmp_path / "project")
    plain = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "SET")}
    command = ["make", "train", "ENV=dev"]
    first, second = (
        subprocess.run(command, cwd=project, env=plain, text=True, check=False, capture_output=True)
        for _ in range(2)
    )

    assert first.returncode == 0, first.stdout + first.stderr[-3000:]
    assert "installing the locked environment" in first.stdout
    assert ran(first.stderr) == ["compose", *STAGES]
    assert "installing" not in second.stdout
    check_documented(first.stderr)
    assert ran(second.stderr) == ["compose"]
    assert "accuracy" in second.stdout
    accuracy = json.loads((project / "reports" / "metrics.json").read_text())["accuracy"]
    assert accuracy > 0.85
    left = subprocess.run(
        ["git", "status", "--porcelain"], cwd=project, text=True, capture_output=True, check=True
    )
    assert left.stdout.split() == ["??", "dvc.lock"]


def check_documented(shown: str) -> None:
    """The session in docs/help.md is what is shown, but for what depends on a machine's speed."""
    page = (ROOT / "docs" / "help.md").read_text("utf-8").partition("## While it works")[2]
    figures = re.compile(r"\d+\.\d+( s)?")
    session, lines = (figures.sub("#", text).splitlines() for text in (page.split("```")[1], shown))

    assert [line for line in session if line] == [
        line for line in lines if not re.match(r"  [\w ]+: [\d,]+ (of|in) ", line)
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("evaluate.worst_errors=3", ["evaluate"]),
        ("training.learning_rate=0.002", ["train", "evaluate", "export"]),
        ("prepare.max_chars=9999", ["prepare"]),
        ("mlflow.experiment_name=other resources.memory_gb=1.5 serving.workers=3", []),
        ("model.name=other", ["evaluate"]),
        ("export.labels_agree=0.9", ["export"]),
    ],
)
def test_a_value_runs_only_what_it_affects(project: Path, values: str, expected: list[str]) -> None:
    """DVC runs the stages that name the value, and those behind them whose inputs changed."""
    call(project, "dvc", "repro")

    assert ran(call(project, "dvc", "repro", SET=f"{FAST} {values}"))[1:] == expected


def test_a_comment_runs_nothing(project: Path) -> None:
    """Stages look at the values of conf/, not at its text."""
    call(project, "dvc", "repro")
    path = project / "conf" / "config.yaml"
    text = path.read_text()
    path.write_text(f"# another comment\n{text}")

    stages = ran(call(project, "dvc", "repro"))
    path.write_text(text)

    assert stages == ["compose"]


def test_environments_switch_and_come_back_without_training(project: Path) -> None:
    """ENV decides for `dvc repro` too; what dev has made is restored from the cache."""
    call(project, "dvc", "repro")
    before = (project / "dvc.lock").read_text()

    call(project, "dvc", "repro", ENV="qa", SET="data.synthetic_rows=3000 training.epochs=1")
    there = yaml.safe_load((project / "params.yaml").read_text())
    back = call(project, "dvc", "repro")

    assert (there["environment"], there["prepare"]["sample"]) == ("qa", 1.0)
    assert ran(back) == ["compose"]
    assert (project / "dvc.lock").read_text() == before


def test_a_run_killed_at_every_stage_is_completed_by_the_next(
    project: Path, tmp_path: Path
) -> None:
    """After kill -9 of all its processes, the same command ends with the same bytes.

    They are those of another clone in which nothing was killed: model, metrics, predictions, plots,
    report and card agree by content.
    """
    call(project, "dvc", "repro")
    other = installed(tmp_path / "killed")

    told = {moment: killed(other, moment) for moment in STAGES}
    again = call(other, "dvc", "repro", SET=CHECKPOINTS)

    assert "resuming at step" in told["evaluate"]
    assert ran(again) == ["compose", "export"]
    assert contents(other) == contents(project)


def killed(project: Path, moment: str) -> str:
    """Run the pipeline and kill it when a stage has begun; return what was printed until then."""
    running = subprocess.Popen(
        ["dvc", "repro"], cwd=project, env={**environment(project), "SET": CHECKPOINTS},
        start_new_session=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert running.stdout
    told = ""
    for line in running.stdout:
        told += line
        if f"ml.{moment}" in line:
            break
    if moment == "train":
        wait_for(project, ".checkpoints/*/checkpoint-*/sha256.json", running)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    return told


def contents(project: Path) -> dict[str, Any]:
    """Return what went into each stage and came out of it, by content; params.yaml apart."""
    stages = yaml.safe_load((project / "dvc.lock").read_text())["stages"]
    return {name: stage for name, stage in stages.items() if name != "compose"}


def wait_for(folder: Path, pattern: str, process: subprocess.Popen[str]) -> None:
    """Wait until a file is there, as long as the process that makes it runs."""
    while not list(folder.glob(pattern)):
        assert process.poll() is None, f"{pattern} never came"
        time.sleep(0.01)


@pytest.fixture(name="experiments")
def _experiments(project: Path) -> Iterator[Path]:
    """The project, clean before and after."""
    call(project, "dvc", "repro")
    call(project, "git", "checkout", "--quiet", ".")
    yield project
    call(project, "git", "checkout", "--quiet", ".")
    call(project, "dvc", "checkout", "--force", "--quiet")


@pytest.mark.nightly
def test_an_experiment_changes_the_values_it_names(experiments: Path) -> None:
    """`dvc exp run -S` composes through Hydra, environment included, and runs the stages."""
    call(
        experiments, "dvc", "exp", "run", "--name", "warmer", "-S", "env=qa",
        "-S", "training.learning_rate=3e-4", "-S", "data.synthetic_rows=3000",
        "-S", "training.epochs=1", SET="",
    )  # fmt: skip
    values = yaml.safe_load((experiments / "params.yaml").read_text())
    shown = json.loads(call(experiments, "dvc", "exp", "show", "--json"))

    assert (values["environment"], values["training"]["learning_rate"]) == ("qa", 0.0003)
    assert "warmer" in json.dumps(shown)
    assert "learning_rate" in call(experiments, "dvc", "params", "diff", "HEAD")


@pytest.mark.nightly
def test_a_queued_sweep_runs_and_tracks_in_the_project(experiments: Path) -> None:
    """Each of the queued experiments leaves its run in the project's own MLflow store."""
    records = set((experiments / ".runs").glob("*.json"))
    for rate in ("2e-4", "4e-4"):
        call(
            experiments, "dvc", "exp", "run", "--queue", "-S", f"training.learning_rate={rate}",
            "-S", "data.synthetic_rows=4000", "-S", "prepare.sample=0.5",
            "-S", "prepare.min_sample=0", "-S", "training.epochs=1", SET="",
        )  # fmt: skip

    call(experiments, "dvc", "exp", "run", "--run-all", SET="")

    assert len(set((experiments / ".runs").glob("*.json")) - records) == 2
    assert call(experiments, "dvc", "exp", "show", "--csv").count("\n") > 3


@pytest.mark.nightly
def test_metrics_and_plots_can_be_compared(experiments: Path) -> None:
    """`dvc metrics diff`, `dvc plots diff` and `dvc dag` work as DVC's documentation says."""
    call(experiments, "dvc", "repro", SET=f"{FAST} training.epochs=1")

    metrics = call(experiments, "dvc", "metrics", "diff", "HEAD")
    call(experiments, "dvc", "plots", "diff", "HEAD", "--out", "plots")
    page = (experiments / "plots" / "index.html").read_text()
    shutil.rmtree(experiments / "plots")

    assert "accuracy" in metrics
    assert "confusion" in page.lower()
    assert "evaluate" in call(experiments, "dvc", "dag")


@pytest.mark.parametrize(
    ("labels", "texts"),
    [
        (["плохо", "ничего", "хорошо"], ["скучный фильм", "просто фильм", "прекрасный фильм"]),
        pytest.param(["悪い", "良い"], ["退屈な映画", "素晴らしい映画"], marks=pytest.mark.nightly),
    ],
    ids=["three classes, Cyrillic", "Japanese"],
)
def test_another_data_set_needs_configuration_alone(
    tmp_path: Path, labels: list[str], texts: list[str]
) -> None:
    """Classes, scripts and formats come from the data and one experiment file."""
    other = warmed(tmp_path / "project")
    rows = [
        {"sentence": f"{texts[n % len(texts)]} {n}", "verdict": labels[n % len(labels)]}
        for n in range(600)
    ]
    (other / "rows.jsonl").write_text(
        "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    )
    (other / "conf" / "experiment" / "own.yaml").write_text(
        "data:\n  train_path: rows.jsonl\n  text_column: sentence\n  label_column: verdict\n"
        "prepare:\n  sample: 1.0\ntraining:\n  epochs: 4\n"
    )

    call(other, "make", "train", "EXP=own", SET="")
    metrics = json.loads((other / "reports" / "metrics.json").read_text())

    assert metrics["accuracy"] > 0.9
    assert set(metrics["per_class"]) == set(labels)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"ENV": "staging"}, r"staging.*dev, prod, qa"),
        ({"EXP": "defualt"}, r"defualt.*default"),
        ({"SET": "training.learning_rate=-1"}, r"training\.learning_rate"),
        ({"SET": "data.train_path=none.csv"}, r"none\.csv"),
        ({"SET": "resources.gpu=1 resources.missing=fail"}, r"resources\.gpu asks for 1"),
    ],
    ids=str,
)
def test_a_mistake_is_told_without_a_traceback(
    project: Path, variables: dict[str, str], told: str
) -> None:
    """The command fails with the sentence, and the next right one works."""
    changed = {**environment(project), "CUDA_VISIBLE_DEVICES": "", **variables}
    failed = subprocess.run(
        ["dvc", "repro"], cwd=project, env=changed, text=True, check=False, capture_output=True
    )
    output = failed.stdout + failed.stderr

    assert failed.returncode != 0
    assert re.search(told, output, re.S), output
    assert "Traceback" not in output
    assert call(project, "dvc", "repro")


def test_a_smoke_run_leaves_nothing(project: Path) -> None:
    """Every stage runs, and neither files nor runs stay."""
    before = sorted(path for path in project.rglob("*") if "__pycache__" not in path.parts)

    output = call(project, "python", "-m", "mlops.pipeline.smoke", SET="")

    assert "every stage works" in output
    after = sorted(path for path in project.rglob("*") if "__pycache__" not in path.parts)
    assert after == before
