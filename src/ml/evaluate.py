"""Evaluate the model on the test split: metrics, plots, a report and a model card.

Reads: models/model/, data/prepared/, reports/data.json, reports/history.json
Writes: reports/metrics.json, reports/predictions.parquet, reports/plots/, reports/report.html,
    reports/model_card.md
"""

import logging
from pathlib import Path

import torch

from ml.model import model as classifier
from mlops.config import schema
from mlops.core import files, hashing
from mlops.core.errors import DataError, ModelError, run
from mlops.evaluation import behaviour, metrics, predict, results
from mlops.evaluation.behaviour import Predict
from mlops.evaluation.metrics import Floats
from mlops.evaluation.results import Data
from mlops.evaluation.scores import Answers
from mlops.reporting import writing
from mlops.reporting.report_data import ReportData, lineage
from mlops.tracking import runs

log = logging.getLogger(__name__)
MODEL = Path("models/model")
PREPARED = Path("data/prepared")
REPORTS = Path("reports")
SPLITS = ("train", "val", "test")  # of test all columns, to slice


def main() -> None:
    """Read the rows and the model, predict, evaluate, report."""
    params = schema.load()
    torch.set_num_threads(params.training.threads)
    data = read()
    stats = files.read_json(REPORTS / "data.json")
    history = files.read_json(REPORTS / "history.json", "train", "val")
    model = load(data.labels, params.resources.gpu > 0)

    test = data.splits["test"]
    texts = test["text"].to_list()
    log.info("predicting %s test texts", f"{test.height:,}")
    answers = Answers(test["label"].to_numpy(), model(texts), params.evaluate.calibration_bins)
    tests = behaviour.run(params.evaluate.behaviour, texts, data.labels, model)

    log.info("evaluating, with baselines and %s resamples", f"{params.evaluate.resamples:,}")
    found = results.evaluate(data, answers, params.evaluate)
    rates = {one.name: one.pass_rate for one in tests if one.pass_rate is not None}
    found.metrics["behaviour"] = metrics.plain(rates)
    found.metrics["truncated"] = history.get("truncated", 0.0)

    log.info("drawing plots, writing the report")
    report = ReportData(
        params=params,
        labels=data.labels,
        rows={name: rows.height for name, rows in data.splits.items()},
        synthetic=data.synthetic,
        stats=stats,
        metrics=found.metrics,
        slices=found.slices,
        slices_left_out=found.slices_left_out,
        baselines=found.baselines,
        behaviour=tests,
        errors=found.errors,
        lineage=lineage(params, (PREPARED, MODEL)),
    )
    writing.write(report, answers, history, found.predictions, REPORTS)
    runs.log_evaluation(params, hashing.digest(MODEL), found.metrics, REPORTS)


def read() -> Data:
    """Read what prepare has written; of train and val only what the baselines need."""
    labels = files.read_json(PREPARED / "labels.json", "labels", "synthetic")
    splits = {
        name: files.read_parquet(PREPARED / f"{name}.parquet", "text", "label", only=name != "test")
        for name in SPLITS
    }
    for name, rows in splits.items():
        if rows.is_empty():
            raise DataError(f"{PREPARED}/{name}.parquet has no rows; expected at least one")
    return Data(splits, labels["labels"], labels["synthetic"])


def load(labels: list[str], gpu: bool) -> Predict:
    """Return the trained model as a function from texts to checked probabilities."""
    model, tokenizer = classifier.load(MODEL)
    known = [model.config.id2label[index] for index in range(model.config.num_labels)]
    if known != labels:
        raise ModelError(
            f"{MODEL} knows the labels {known}, {PREPARED} has {labels}; "
            "the model was trained on other data: run `make train`"
        )
    model.to("cuda" if gpu and torch.cuda.is_available() else "cpu")

    def answer(texts: list[str]) -> Floats:
        probabilities = predict.predict(model, tokenizer, texts)
        return metrics.check(probabilities, len(texts), len(labels))

    return answer


if __name__ == "__main__":
    run(main)
