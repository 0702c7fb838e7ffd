"""Releases of toy models for the tests of the gate: what one knows is given word by word."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import yaml

import toy
from common import ROOT
from ml.config import Params
from mlops.core import hashing
from mlops.evaluation import metrics, scores
from mlops.release import evidence, work_tree
from mlops.release.evidence import Split
from mlops.release.versions.registry import Version
from mlops.tracking import records, runs

Train = Callable[..., str]
WORDS = ("good", "bad", "great", "dull")
ROWS = 400
GOOD = toy.FEELING
# Knows one word less well: an example is right where few other words are beside it.
BETTER = {**toy.FEELING, "great": 2.0, "film": -0.5}
WEAK = {"good": 4.0, "bad": -4.0}  # right where it knows the word, and where it guesses negative
ONE_CLASS = dict.fromkeys(WORDS, -4.0)
# Bounds that neither this machine's speed nor the smallness of a toy breaks.
BOUNDS = {"enabled": True, "max_latency_ms": 1e6, "min_worst_slice": 0.2, "max_ece": 0.5}
IGNORED = "models\nreports\nwritten\ndata\n.mlflow\n.runs\nparams.yaml\ndvc.lock\nresume\nbentoml\n"


def test_split(folder: Path) -> Split:
    """Write 400 rows into a project as `prepare` leaves them; return them."""
    rows = pl.DataFrame(
        {
            "text": [f"the film was {WORDS[n % 4]}" + " film" * (n % 7) for n in range(ROWS)],
            "label": [1 - n % 2 for n in range(ROWS)],
        }
    )
    prepared = folder / "data" / "prepared"
    prepared.mkdir(parents=True)
    rows.write_parquet(prepared / "test.parquet")
    (prepared / "labels.json").write_text(json.dumps({"labels": toy.LABELS, "synthetic": False}))
    return Split(rows, toy.LABELS)


def write(
    folder: Path,
    test: Split,
    params: Params,
    feeling: dict[str, float],
    judged_as: Path | None = None,
) -> Path:
    """Write a release whose figures are those of its own answers, or of another release."""
    toy.export(folder / "bento", feeling=feeling)
    if judged_as:
        shutil.copytree(judged_as / "reports", folder / "reports")
        return folder
    ask, labels = evidence.engine(folder / "bento")
    answers = ask(test.texts)
    told = {
        "text": test.texts,
        "label": [labels[n] for n in test.actual],
        "predicted": [labels[n] for n in answers.argmax(1)],
        **{f"p_{name}": answers[:, place].round(6) for place, name in enumerate(labels)},
    }
    (folder / "reports").mkdir()
    pl.DataFrame(told).write_parquet(folder / "reports" / "predictions.parquet")
    bins = params.evaluate.calibration_bins
    told_scores = metrics.plain(scores.measure(test.actual, answers.round(6), bins))
    change(folder, lambda _: told_scores)
    return folder


def trainer(folder: Path, store: Path, params: Params) -> Train:
    """Make the current folder a project; return a function that leaves a model as `make train`.

    What params say is committed as the experiment `default`, so that the gate judges by it.
    """
    rows = test_split(folder)
    (folder / ".mlflow" / params.environment).mkdir(parents=True)
    shutil.copy(store, folder / ".mlflow" / params.environment)
    for name in ("bentofile.yaml", "deploy", "requirements", "src"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "conf", folder / "conf")
    (folder / ".gitignore").write_text(IGNORED)
    commit_conf(folder, params)

    def train(feeling: dict[str, float], **sections: Any) -> str:
        for name in ("models", "reports", "written"):
            shutil.rmtree(folder / name, ignore_errors=True)
        values = params.model_dump()
        for name, changed in sections.items():
            values[name] |= changed
        (folder / "params.yaml").write_text(yaml.safe_dump(values))
        trained = Params.model_validate(values)
        digest = make(folder, rows, trained, feeling)
        if not records.read(digest):  # else DVC restores what is trained already
            with runs.training_run(trained, {}, folder / "resume") as run:
                run.finish(trained, digest)
            (folder / "resume").unlink()
        judged = json.loads((folder / "reports" / "metrics.json").read_text())
        runs.log_evaluation(trained, digest, judged, folder / "reports")
        lock(folder, values)
        return str((records.read(digest) or {})["run_id"])

    return train


def make(folder: Path, rows: Split, params: Params, feeling: dict[str, float]) -> str:
    """Write model, export and reports, as the stages do; return the hash of the model."""
    model = folder / "models" / "model"
    model.mkdir(parents=True)
    (model / "weights").write_text(json.dumps(feeling))
    digest = hashing.digest(model)
    shutil.move(write(folder / "written", rows, params, feeling) / "reports", folder)
    toy.export(folder / "models" / "serving", feeling=feeling, model_sha256=digest)
    for name in ("export.json", "data.json"):
        (folder / "reports" / name).write_text("{}")
    (folder / "reports" / "model_card.md").write_text("# toy")
    return digest


def commit_conf(folder: Path, params: Params, experiment: str = "default") -> None:
    """Commit an experiment that composes to these parameters in their environment."""
    judged = {"data", "evaluate", "export", "gate", "mlflow", "model", "prepare", "training"}
    values = params.model_dump(include=judged)
    text = f"# @package _global_\n{yaml.safe_dump(values)}"
    (folder / "conf" / "experiment" / f"{experiment}.yaml").write_text(text)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", f"Experiment {experiment}")


def git(folder: Path, *words: str) -> None:
    """Run Git in a project."""
    who = ("-c", "user.name=t", "-c", "user.email=t@x")
    subprocess.run(["git", *who, *words], cwd=folder, check=True)


def lock(folder: Path, values: dict[str, Any]) -> None:
    """Write dvc.lock, as DVC does when it has run the stages."""
    outs = [{"path": name, "md5": hashing.dvc(folder / name)} for name in work_tree.MADE]
    sections = ("data", "prepare", "model", "training", "evaluate", "export")
    stage = {"outs": outs, "params": {"params.yaml": {name: values[name] for name in sections}}}
    (folder / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": {"all": stage}}))


def change(release: Path, edit: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Edit the metrics that a release tells."""
    path = release / "reports" / "metrics.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(edit(found)))


def version(release: Path, number: int) -> Version:
    """Return the version that a release would be registered as."""
    return Version("toy", str(number), "run", {"release.sha256": hashing.digest(release)}, ())
