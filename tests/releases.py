"""Releases of toy models for the tests of the gate: what one knows is given word by word."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

import toy
from ml import hashing
from ml.config import Params
from ml.gating import evidence
from ml.gating.evidence import Split
from ml.judging import metrics
from ml.registry import Version

WORDS = ("good", "bad", "great", "dull")
ROWS = 400
GOOD = toy.FEELING
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
    scores = metrics.plain(metrics.score(test.actual, answers.round(6), bins))
    change(folder, lambda _: scores)
    return folder


def change(release: Path, edit: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Edit the metrics that a release tells."""
    path = release / "reports" / "metrics.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(edit(found)))


def version(release: Path, number: int) -> Version:
    """Return the version that a release would be registered as."""
    return Version("toy", str(number), "run", {"release.sha256": hashing.digest(release)}, ())
