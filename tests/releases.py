"""Releases of toy models for the tests of the gate: what one knows is given word by word."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import yaml

import toy
from ml import hashing, tracking
from ml.config import Params
from ml.gating import evidence
from ml.gating.evidence import Split
from ml.judging import metrics, scores
from ml.registry import Version

WORDS = ("good", "bad", "great", "dull")
ROWS = 400
GOOD = toy.FEELING
# Knows one word less well: an example is right where few other words are beside it.
BETTER = {**toy.FEELING, "great": 2.0, "film": -0.5}
WEAK = {"good": 4.0, "bad": -4.0}  # right where it knows the word, and where it guesses negative
ONE_CLASS = dict.fromkeys(WORDS, -4.0)


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


def trainer(folder: Path, store: Path, params: Params) -> Callable[[dict[str, float]], str]:
    """Make the current folder a project; return a function that leaves a model as `make train`."""
    rows = test_split(folder)
    (folder / ".mlflow" / params.environment).mkdir(parents=True)
    shutil.copy(store, folder / ".mlflow" / params.environment)
    for name in ("bentofile.yaml", "conf", "deploy", "requirements", "src"):
        (folder / name).symlink_to(toy.ROOT / name)

    def train(feeling: dict[str, float], **sections: Any) -> str:
        for name in ("models", "reports", "written"):
            shutil.rmtree(folder / name, ignore_errors=True)
        written = params.model_dump()
        for name, values in sections.items():
            written[name] |= values
        (folder / "params.yaml").write_text(yaml.safe_dump(written))
        model = folder / "models" / "model"
        model.mkdir(parents=True)
        (model / "weights").write_text(json.dumps(feeling))
        digest = hashing.digest(model)
        shutil.move(write(folder / "written", rows, params, feeling) / "reports", folder)
        toy.export(folder / "models" / "serving", feeling=feeling, model_sha256=digest)
        for name in ("export.json", "data.json"):
            (folder / "reports" / name).write_text("{}")
        (folder / "reports" / "model_card.md").write_text("# toy")
        with tracking.training_run(params, {}, folder / "resume") as run:
            run.finish(params, digest)
        (folder / "resume").unlink()
        return run.run_id

    return train


def change(release: Path, edit: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Edit the metrics that a release tells."""
    path = release / "reports" / "metrics.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(edit(found)))


def version(release: Path, number: int) -> Version:
    """Return the version that a release would be registered as."""
    return Version("toy", str(number), "run", {"release.sha256": hashing.digest(release)}, ())
