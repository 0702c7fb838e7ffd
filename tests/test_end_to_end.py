"""The whole pipeline, stage by stage, on a few rows: from conf/ to a model that answers.

Change DATA when this project has no synthetic corpus any more.
"""

import importlib
import json
import shlex
from pathlib import Path

import pytest

from common import ROOT
from mlops.pipeline import compose, smoke, snapshot
from mlops.serving.engine import Engine

DATA = (
    "model=tiny", "data.train_path=synthetic", "data.val_path=null", "data.test_path=null",
    "data.text_column=text", "data.label_column=label", "data.labels=null",
    "evaluate.behaviour=[]", "evaluate.slice_columns=[]",
)  # fmt: skip


def test_a_model_is_trained_judged_and_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes out has its figures, its card, and an answer to a text."""
    monkeypatch.chdir(ROOT)
    params = compose.compose("dev", "default", shlex.join((*DATA, *smoke.SMALL)))
    monkeypatch.chdir(tmp_path)
    compose.write(snapshot.taken(params, {}))

    for stage in (*smoke.DATA, *smoke.MODEL):
        importlib.import_module(f"ml.{stage}").main()

    metrics = json.loads(Path("reports/metrics.json").read_text())
    (answer,) = Engine(Path("models/serving")).predict(["The plot is witty."])
    assert 0 <= metrics["accuracy"] <= 1
    assert list(answer.probabilities) == list(metrics["per_class"])
    assert "## " in Path("reports/model_card.md").read_text()
