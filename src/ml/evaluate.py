"""Judge the model on the test split, and tell it in figures, plots, a report and a model card.

Reads: models/model/, data/prepared/, reports/data.json, reports/history.json
Writes: reports/metrics.json, reports/predictions.parquet, reports/plots/, reports/report.html,
    reports/model_card.md
"""

import hashlib
import io
import json
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import torch

from ml.model import model
from mlops.config import schema
from mlops.config.schema import Params
from mlops.core import files, hashing, outputs
from mlops.core.errors import DataError, ModelError, run
from mlops.evaluation import behaviour, metrics, predict
from mlops.evaluation.behaviour import Predict
from mlops.evaluation.metrics import Floats
from mlops.evaluation.results import Data, Judgement, judge, worst_errors
from mlops.reporting import card, plots, report
from mlops.reporting.report import Facts
from mlops.tracking import runs

log = logging.getLogger(__name__)
MODEL = Path("models/model")
PREPARED = Path("data/prepared")
REPORTS = Path("reports")
SPLITS = ("train", "val", "test")  # of test all columns, to slice
SECTIONS = ("model", "training", "evaluate")  # of params.yaml; the data tell the others


def read() -> Data:
    """Read what prepare has written; of train and val only what the baselines need."""
    labels = files.read_json(PREPARED / "labels.json", "labels", "synthetic")
    splits = {
        name: files.read_parquet(PREPARED / f"{name}.parquet", "text", "label", only=name != "test")
        for name in SPLITS
    }
    for name, rows in splits.items():
        if rows.is_empty():
            raise DataError(f"{PREPARED}/{name}.parquet has no rows, but needs at least one")
    return Data(splits, labels["labels"], labels["synthetic"])


def load(labels: list[str], gpu: bool) -> Predict:
    """Return the trained model as a function from texts to checked probabilities."""
    network, words = model.load(MODEL)
    known = [network.config.id2label[index] for index in range(network.config.num_labels)]
    if known != labels:
        raise ModelError(
            f"{MODEL} knows the labels {known}, {PREPARED} has {labels}; "
            "the model was trained on other data: run `make train`"
        )
    network.to("cuda" if gpu and torch.cuda.is_available() else "cpu")

    def answer(texts: list[str]) -> Floats:
        return metrics.check(predict.predict(network, words, texts), len(texts), len(labels))

    return answer


def lineage(params: Params) -> dict[str, str]:
    """Return the hashes of what the result was made from."""
    found = {str(path): hashing.digest(path) for path in (PREPARED, MODEL)}
    for section in SECTIONS:
        values = json.dumps(getattr(params, section).model_dump(mode="json"), sort_keys=True)
        found[f"params.yaml {section}"] = hashlib.sha256(values.encode()).hexdigest()
    return found


def gather(
    params: Params, data: Data, census: Any, judged: Judgement, tests: list[behaviour.Result]
) -> Facts:
    """Bring together what the report, the card and the metrics tell."""
    rates = {test.name: test.pass_rate for test in tests if test.pass_rate is not None}
    return Facts(
        params=params,
        labels=data.labels,
        rows={name: rows.height for name, rows in data.splits.items()},
        synthetic=data.synthetic,
        data=census,
        metrics=judged.metrics | {"behaviour": metrics.plain(rates)},
        slices=judged.slices,
        slices_left_out=judged.slices_left_out,
        baselines=judged.baselines,
        behaviour=tests,
        errors=worst_errors(judged.predictions, params.evaluate.worst_errors),
        lineage=lineage(params),
    )


def draw(data: Data, probabilities: Floats, history: Any, bins: int, folder: Path) -> None:
    """Draw all plots."""
    actual, labels = data.splits["test"]["label"].to_numpy(), data.labels
    matrix = metrics.confusion(actual, probabilities.argmax(axis=1), len(labels))
    curves = metrics.precision_recall(actual, probabilities, labels)
    plots.learning(history, folder)
    plots.confusion(matrix, labels, folder)
    plots.precision_recall(curves, labels, folder)
    plots.reliability(metrics.reliability(actual, probabilities, bins), folder)


def write(facts: Facts, predictions: pl.DataFrame, draw_into: Callable[[Path], None]) -> None:
    """Write the results; each file appears whole or not at all."""
    with outputs.folder(REPORTS / "plots") as folder:
        draw_into(folder)
        pictures = {path.stem: path.read_bytes() for path in folder.glob("*.png")}
        page, model_card = report.render(facts, pictures), card.render(facts)
    table = io.BytesIO()
    predictions.write_parquet(table)
    files.write(REPORTS / "predictions.parquet", table.getvalue())
    files.write(REPORTS / "report.html", page.encode())
    files.write(REPORTS / "model_card.md", model_card.encode())
    outputs.write_json(REPORTS / "metrics.json", facts.metrics)


def main() -> None:
    """Run the stage."""
    params = schema.load()
    torch.set_num_threads(params.training.threads)
    data = read()
    census = files.read_json(REPORTS / "data.json")
    history = files.read_json(REPORTS / "history.json", "train", "val")
    answer = load(data.labels, params.resources.gpu > 0)
    texts = data.splits["test"]["text"].to_list()
    log.info("judging the model on %d texts", len(texts))
    probabilities = answer(texts)
    tests = behaviour.run(params.evaluate.behaviour, texts, data.labels, answer)
    log.info("comparing it with baselines, and %d resamples", params.evaluate.resamples)
    judged = judge(data, probabilities, params.evaluate)
    judged.metrics["truncated"] = history.get("truncated", 0.0)
    facts = gather(params, data, census, judged, tests)
    bins = params.evaluate.calibration_bins
    log.info("drawing plots, writing the report")
    write(facts, judged.predictions, partial(draw, data, probabilities, history, bins))
    runs.log_evaluation(params, hashing.digest(MODEL), facts.metrics, REPORTS)


if __name__ == "__main__":
    run(main)
