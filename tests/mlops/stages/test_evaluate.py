"""Rules of ml.evaluate."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import torch

from common import prepare_rows, verdicts, write_params
from ml import evaluate
from ml.config import Params
from ml.model import model
from mlflow_server import all_runs
from mlops.core.errors import DataError, KnownError, ModelError
from mlops.tracking import description, naming, server

MakeParams = Callable[..., Params]
HISTORY = {
    "train": [{"step": 1.0, "epoch": 1.0, "loss": 0.7}],
    "val": [{"step": 1.0, "epoch": 1.0, "loss": 0.6, "accuracy": 0.5}],
}
OUTS = ("metrics.json", "predictions.parquet", "report.html", "model_card.md", "plots")


@pytest.fixture(name="trained_model", scope="session")
def _trained_model(params: Params, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model from random weights: to be judged, it need not be good."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("model")
    texts = [str(text) for text in verdicts(0, 48)["text"]]
    model.save(*model.build(params.model, ["negative", "positive"], texts), folder)
    return folder


@pytest.fixture(name="trained")
def _trained(prepared: Path, trained_model: Path) -> Path:
    """A project as the stages before leave it."""
    shutil.copytree(trained_model, "models/model")
    Path("reports").mkdir()
    Path("reports/history.json").write_text(json.dumps(HISTORY), encoding="utf-8")
    Path("reports/data.json").write_text(json.dumps({"splits": {}}), encoding="utf-8")
    return prepared


def outputs(folder: Path) -> dict[str, bytes]:
    """Return all files that the stage writes."""
    paths = [path for out in OUTS for path in (folder / out, *(folder / out).glob("*"))]
    return {path.name: path.read_bytes() for path in paths if path.is_file()}


def test_the_stage_writes_all_that_it_promises(trained: Path) -> None:
    """Metrics, predictions, plots, report and card; nothing else and nothing half-written."""
    evaluate.main()

    found = {path.name for path in (trained / "reports").iterdir()}
    assert found == {*OUTS, "history.json", "data.json"}
    assert json.loads(Path("reports/metrics.json").read_text())["rows"] == 16
    assert pl.read_parquet("reports/predictions.parquet").height == 16


def test_the_same_inputs_give_the_same_bytes(
    trained: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another folder too: neither time nor path is in an output."""
    evaluate.main()
    other = tmp_path_factory.mktemp("other") / "deeper"
    shutil.copytree(trained, other, ignore=shutil.ignore_patterns(*OUTS))
    monkeypatch.chdir(other)

    evaluate.main()

    assert outputs(trained / "reports") == outputs(other / "reports")


def test_the_card_can_be_followed(trained: Path) -> None:
    """The code that the card shows loads the model and answers."""
    evaluate.main()
    code = re.findall(r"```python\n(.*?)```", Path("reports/model_card.md").read_text(), re.S)[0]
    names: dict[str, object] = {}

    exec(code, names)

    assert names["label"] in ("negative", "positive")


def test_behaviour_tests_and_slices_reach_report_and_metrics(
    trained: Path, make_params: MakeParams
) -> None:
    """What config asks for is judged."""
    test = {"name": "other films", "replace": {"film": "movie"}}
    write_params(make_params(evaluate={"behaviour": [test], "min_slice_rows": 1}))

    evaluate.main()

    metrics = json.loads(Path("reports/metrics.json").read_text())
    assert 0 <= metrics["behaviour"]["other films"] <= 1
    assert "words=1-8" in metrics["slices"]
    assert "other films" in Path("reports/report.html").read_text()


@pytest.mark.parametrize(
    ("missing", "error"),
    [
        ("models/model", ModelError),
        ("data/prepared/labels.json", DataError),
        ("data/prepared/val.parquet", DataError),
        ("reports/data.json", DataError),
        ("reports/history.json", DataError),
    ],
)
def test_a_missing_input_is_named(trained: Path, missing: str, error: type[KnownError]) -> None:
    """What should be there, and how to make it."""
    path = Path(missing)
    shutil.rmtree(path) if path.is_dir() else path.unlink()

    with pytest.raises(error, match=rf"{missing} is missing; run `make train`"):
        evaluate.main()


@pytest.mark.parametrize("content", [b"", b"PAR1", b"\xff{"], ids=repr)
@pytest.mark.parametrize(
    "name", ["prepared/labels.json", "prepared/test.parquet", "data.json", "history.json"]
)
def test_a_damaged_input_is_named(trained: Path, name: str, content: bytes) -> None:
    """In the same way."""
    path = trained / ("data" if "/" in name else "reports") / name
    path.write_bytes(content)

    with pytest.raises(DataError, match=rf"{name} is damaged \(.+\); run `make train`"):
        evaluate.main()


def test_odd_labels_and_slices_reach_mlflow_whole(trained: Path, make_params: MakeParams) -> None:
    """Labels of signs, slashes and emoji fail nothing, and no figure takes another's place."""
    names = ["😀 a//b", "😡 a//b"]
    written = json.dumps({"labels": names, "synthetic": False})
    Path("data/prepared/labels.json").write_text(written, encoding="utf-8")
    settings = json.loads((trained / "models/model/config.json").read_text())
    settings["id2label"] = dict(enumerate(names))
    settings["label2id"] = {name: n for n, name in settings["id2label"].items()}
    (trained / "models/model/config.json").write_text(json.dumps(settings))
    rows = trained / "data/prepared/test.parquet"
    sources = ["http://x/../y", "http://x//y", "http://x/./y", ""] * 4
    pl.read_parquet(rows).with_columns(source=pl.Series(sources)).write_parquet(rows)
    write_params(make_params(evaluate={"slice_columns": ["source"], "min_slice_rows": 1}))

    evaluate.main()
    metrics = json.loads(Path("reports/metrics.json").read_text())
    (run,) = all_runs(server.get_embedded_uri("dev"))
    here = naming.name_leaves(metrics, "test")

    assert run.data.metrics.keys() == {
        n for n, (path, _) in here.items() if description.is_score(path)
    }
    assert len([name for name in run.data.metrics if name.endswith(".recall")]) == 2
    assert run.data.tags["test.rows"] == "16"
    assert "refused" not in run.data.tags


def test_a_model_of_other_labels_is_refused(trained: Path) -> None:
    """A model is never judged on classes that it does not know, or knows in another order."""
    labels = {"labels": ["positive", "negative"], "synthetic": False}
    Path("data/prepared/labels.json").write_text(json.dumps(labels), encoding="utf-8")

    with pytest.raises(ModelError, match=r"knows the labels \['negative', 'positive'\]"):
        evaluate.main()


def test_an_empty_split_is_refused(trained: Path) -> None:
    """Nothing can be measured on no rows."""
    path = Path("data/prepared/test.parquet")
    pl.read_parquet(path).head(0).write_parquet(path)

    with pytest.raises(DataError, match=r"test\.parquet has no rows"):
        evaluate.main()


def test_a_diverged_model_leaves_nothing_behind(trained: Path) -> None:
    """NaN weights are told, and no output is written."""
    network, words = model.load(Path("models/model"))
    with torch.no_grad():
        network.get_input_embeddings().weight.fill_(float("nan"))
    model.save(network, words, Path("models/model"))

    with pytest.raises(ModelError, match="NaN or infinite probabilities for 16 of 16 texts"):
        evaluate.main()

    assert outputs(trained / "reports") == {}


def test_any_number_of_classes_in_any_script(
    project: Path, empty_store: Path, make_params: MakeParams
) -> None:
    """Three Chinese classes need configuration alone."""
    prepare_rows(project, empty_store)
    labels = ["好评", "差评", "中评"]
    folder = project / "data" / "prepared"
    rows = pl.DataFrame(
        {"text": [f"电影{n}很<b>好</b>看" for n in range(30)], "label": [0, 1, 2] * 10}
    )
    for split in ("train", "val", "test"):
        rows.write_parquet(folder / f"{split}.parquet")
    (folder / "labels.json").write_text(json.dumps({"labels": labels, "synthetic": False}))
    params = make_params()
    model.save(*model.build(params.model, labels, rows["text"].to_list()), Path("models/model"))
    Path("reports").mkdir()
    Path("reports/history.json").write_text(json.dumps(HISTORY))
    Path("reports/data.json").write_text("{}")

    evaluate.main()

    assert set(json.loads(Path("reports/metrics.json").read_text())["per_class"]) == set(labels)
    assert "<b>" not in Path("reports/report.html").read_text()
