"""Rules of mlops.pipeline.summary."""

import json
from pathlib import Path
from typing import Any

import mlflow
import pytest

import locks
from ml.config import Params
from mlops.core import hashing, paths
from mlops.core.errors import DataError
from mlops.pipeline import summary
from mlops.tracking import runs

PREPARED = {
    "synthetic": False,
    "splits": {"train": {"kept": 40, "not_sampled": 360}, "val": {"kept": 8, "not_sampled": 72}},
}
METRICS: dict[str, Any] = {
    "accuracy": 0.9,
    "accuracy_low": 0.85,
    "accuracy_high": 0.95,
    "rows": 500,
    "macro_f1": 0.9,
    "ece": 0.02,
    "baselines": {"tfidf": {"accuracy": 0.7}, "majority": {"accuracy": 0.5}},
}


def test_the_summary_names_everything_that_a_reader_needs(values: dict[str, Any]) -> None:
    """Metrics with their interval, baselines, report, card, model, run, and what to do next."""
    text = "\n".join(summary.lines(values, METRICS, PREPARED, "abc (make ui)"))

    for part in ("0.900 (0.850 to 0.950)", "baselines: tfidf 0.700, majority 0.500",
                 "experiment default in dev", "10% of the rows: 48 of 480", "report.html",
                 "model_card.md",
                 "models/model", "models/serving", "abc (make ui)", "make train SET="):  # fmt: skip
        assert part in text


@pytest.mark.parametrize(
    ("environment", "experiment", "shown"),
    [
        ("dev", "default", 'make train SET="training.epochs=4"'),
        ("dev", "tickets", 'make train EXP=tickets SET="training.epochs=4"'),
        ("qa", "tickets", 'make train ENV=qa EXP=tickets SET="training.epochs=4"'),
    ],
)
def test_the_next_command_keeps_environment_and_experiment(
    values: dict[str, Any],
    environment: str,
    experiment: str,
    shown: str,
) -> None:
    """Else it would train another experiment over the model that was just made."""
    asked = {**values, "environment": environment, "experiment": experiment}
    text = "\n".join(summary.lines(asked, METRICS, PREPARED, ""))

    assert shown in text
    assert f"make ui{' ENV=qa' if environment == 'qa' else ''} " in text


@pytest.mark.parametrize(
    ("lead", "said"),
    [
        ((0.1, 0.3), "the model is better than tfidf, by 0.200"),
        ((-0.3, -0.1), "tfidf is BETTER than the model, by 0.200"),
        ((-0.1, 0.3), "no clear difference between the model and tfidf on 500 test rows"),
    ],
)
def test_the_conclusion_is_drawn(lead: tuple[float, float], said: str) -> None:
    """Which is better, by the interval of their difference; the best baseline counts."""
    best = {"accuracy": 0.9 + 0.2 * (-1 if sum(lead) > 0 else 1), "lead_low": lead[0]}
    found = {"tfidf": best | {"lead_high": lead[1]}, "majority": {"accuracy": 0.1}}

    assert said in summary.baselines(METRICS | {"baselines": found})


def test_data_that_no_commit_carries_are_warned_of(values: dict[str, Any]) -> None:
    """A clone could not train on them."""
    outside = {**values, "data": {"train_path": "/dev/null"}}

    text = "\n".join(summary.lines(outside, METRICS, PREPARED, ""))

    assert "data.train_path: /dev/null is outside the repository" in text


@pytest.mark.parametrize("synthetic", [True, False])
def test_synthetic_data_are_called_so(values: dict[str, Any], synthetic: bool) -> None:
    """Nobody takes the grammar's accuracy for one on English."""
    text = "\n".join(summary.lines(values, METRICS, PREPARED | {"synthetic": synthetic}, ""))

    assert ("not English" in text) == synthetic


def test_a_model_from_the_cache_is_said_to_have_no_run_here(project: Path) -> None:
    """The record of another environment does not count."""
    (project / "models" / "model").mkdir(parents=True)

    assert (
        summary.where("dev")
        == "none in dev: the model was restored from the cache, not trained here"
    )


def test_a_model_that_was_trained_again_is_judged_in_its_new_run(
    prepared: Path, params: Params
) -> None:
    """The same bytes need no second evaluation, but the new run needs its metrics."""
    (prepared / "models" / "model").mkdir(parents=True)
    (prepared / "reports").mkdir()
    (prepared / "reports" / "metrics.json").write_text(json.dumps(METRICS))
    (prepared / "reports" / "data.json").write_text(json.dumps(PREPARED))
    digest = hashing.digest(prepared / "models" / "model")
    with runs.training_run(params, {}, prepared / "resume") as run:
        run.finish(params, digest)

    summary.main()

    assert mlflow.get_run(run.run_id).data.metrics["test.accuracy"] == 0.9


def test_a_run_gets_the_lock_of_the_whole_pipeline_once(
    prepared: Path, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then nothing is asked of MLflow any more, until DVC has written another one."""
    (prepared / "models" / "model").mkdir(parents=True)
    (prepared / "reports").mkdir()
    (prepared / "reports" / "metrics.json").write_text(json.dumps(METRICS))
    (prepared / "reports" / "data.json").write_text(json.dumps(PREPARED))
    digest = hashing.digest(prepared / "models" / "model")
    known = hashing.dvc(prepared / "models" / "model")
    (prepared / "dvc.lock").write_text(locks.text(models_model=known))
    with runs.training_run(params, {}, prepared / "resume") as run:
        run.finish(params, digest)

    summary.main()
    assert "dvc.lock" in {item.path for item in mlflow.MlflowClient().list_artifacts(run.run_id)}

    calls: list[str] = []
    monkeypatch.setattr(runs, "log_state", lambda _params, digest: calls.append(digest))
    summary.main()
    assert calls == []
    (prepared / "dvc.lock").write_text(locks.text(models_model=known, models_serving="other"))
    summary.main()
    assert calls == [digest]


def test_dirt_stays_in_sight(project: Path) -> None:
    """The last lines of `make train` say it again."""
    model = project / "models" / "model"
    model.mkdir(parents=True)
    record = paths.run_record(hashing.digest(model))
    record.parent.mkdir()
    known = {"run_id": "abc", "environment": "dev", "tracking_uri": "sqlite:///x", "dirty": "yes"}
    record.write_text(json.dumps(known))

    assert "uncommitted changes" in summary.where("dev")


@pytest.mark.usefixtures("project")
def test_a_missing_pipeline_run_is_told() -> None:
    """Without metrics there is nothing to sum up."""
    with pytest.raises(DataError, match="make train"):
        summary.main()


def test_the_run_of_a_model_is_found(project: Path) -> None:
    """The record that train left names the run."""
    model = project / "models" / "model"
    model.mkdir(parents=True)
    record = paths.run_record(hashing.digest(model))
    record.parent.mkdir()
    record.write_text(json.dumps({"run_id": "abc", "environment": "dev", "tracking_uri": "x"}))

    assert summary.where("dev") == "abc (make ui)"
