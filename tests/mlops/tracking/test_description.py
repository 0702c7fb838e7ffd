"""Rules of mlops.tracking.description: what people read of a run in MLflow."""

import re
from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest

import runs as recorded
from ml.config import Params
from mlops.tracking import description, server, store, ui

MakeParams = Callable[..., Params]


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({}, "tickets"),
        ({"SET": "training.epochs=2 model=gpt"}, "tickets epochs=2"),
        ({"SET": "model.name=a project.name=b"}, "tickets model.name=a project.name=b"),
        ({"DVC_EXP_NAME": "bossy-sail"}, "tickets bossy-sail"),
        ({"SET": f"metadata.description={'x' * 200}"}, f"tickets description={'x' * 77}..."),
    ],
)
def test_a_run_is_called_by_its_experiment_and_what_differs(
    make_params: MakeParams,
    variables: dict[str, str],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the last part of a key, where that is clear."""
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)

    assert description.name_run(make_params(experiment="tickets")) == name


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("synthetic", "synthetic"),
        ("data/tickets.csv", "tickets"),
        ("data/tickets/train.jsonl", "tickets"),
        ("s3://bucket/tickets/train/", "tickets"),
        ("s3://bucket/tickets/part-*.parquet", "part-*"),
        ("hf:stanfordnlp/imdb@main#train", "imdb"),
        ("data/data.csv", "data.csv"),
    ],
)
def test_an_experiment_of_mlflow_is_one_data_set(
    make_params: MakeParams, source: str, name: str
) -> None:
    """Named by what tells the files apart."""
    params = make_params(data={"train_path": source})

    assert description.name_experiment(params) == f"mlops-research-template/{name}"


@pytest.mark.usefixtures("prepared")
def test_a_configured_experiment_is_taken(make_params: MakeParams) -> None:
    """And opens in MLflow's view of model training."""
    params = make_params(mlflow={"experiment_name": "mine"})

    place = store.open_store(params)
    found = mlflow.MlflowClient(server.get_uri("dev")).get_experiment(place)

    assert found.name == "mine"
    assert found.tags["mlflow.experimentKind"] == "custom_model_development"


@pytest.mark.usefixtures("prepared")
def test_the_web_interface_is_entered_where_the_scores_are(params: Params) -> None:
    """An experiment of before has no view of its own, an empty one no line."""
    recorded.record(params, [True, False])
    client = mlflow.MlflowClient(server.get_uri("dev"))
    old = client.create_experiment("sentiment")
    client.create_run(old)
    client.create_experiment("empty")
    database = Path(".mlflow/dev/mlflow.db")

    named, plain = ui.links(database, "5001")

    view = "runs?workflowType=machine_learning&viewStateShareKey=scores"
    assert re.fullmatch(
        r"mlops-research-template/synthetic: http://127\.0\.0\.1:5001/#/experiments/\d+/"
        + re.escape(view),
        named,
    )
    assert plain.endswith(f"/#/experiments/{old}/runs?workflowType=machine_learning")
    assert ui.links(Path("nowhere.db"), "5001") == []


@pytest.mark.usefixtures("prepared")
def test_a_run_is_described(params: Params) -> None:
    """Verdict, figures, and links that lead to this run's files in MLflow."""
    run = mlflow.get_run(recorded.record(params, [True] * 9 + [False]))
    text = run.data.tags["mlflow.note.content"]
    page = f"#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}/artifacts/reports"

    assert "Accuracy **0.900** (0.584 to 1.216) on 10 test rows" in text
    assert "Baseline tfidf 0.500: no clear difference." in text
    assert f"({page}/report.html)" in text
    assert run.data.tags["experiment"] == "default"


@pytest.mark.usefixtures("prepared")
def test_a_count_and_the_end_of_an_interval_are_no_chart(params: Params) -> None:
    """A score is one, whatever its test or label is called."""
    run = mlflow.get_run(recorded.record(params, [True, False]))

    assert {name for name in run.data.metrics if name.startswith("test.")} == {
        "test.accuracy", "test.macro_f1", "test.ece", "test.per_class.positive.recall",
        "test.slices.words_1-8.accuracy", "test.baselines.majority.accuracy",
        "test.baselines.tfidf.accuracy", "test.behaviour.it is never low_low",
    }  # fmt: skip
    assert run.data.tags["test.rows"] == "2"
    assert "test.accuracy_low" in run.data.tags
