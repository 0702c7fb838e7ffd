"""Write the results of an evaluation; each file appears whole or not at all.

Writes: plots/, report.html, model_card.md, predictions.parquet, metrics.json in a folder
"""

import io
from pathlib import Path
from typing import Any

import polars as pl

from mlops.core import files, outputs
from mlops.evaluation import metrics
from mlops.evaluation.scores import Answers
from mlops.reporting import card, plots, report
from mlops.reporting.report_data import ReportData


def write(data: ReportData, answers: Answers, history: Any, table: pl.DataFrame, to: Path) -> None:
    """Draw the plots, and write them, report, card, predictions and metrics."""
    with outputs.folder(to / "plots") as folder:
        draw(answers, data.labels, history, folder)
        pictures = {path.stem: path.read_bytes() for path in folder.glob("*.png")}
        page, model_card = report.render(data, pictures), card.render(data)
    parquet = io.BytesIO()
    table.write_parquet(parquet)
    files.write(to / "predictions.parquet", parquet.getvalue())
    files.write(to / "report.html", page.encode())
    files.write(to / "model_card.md", model_card.encode())
    outputs.write_json(to / "metrics.json", data.metrics)


def draw(answers: Answers, labels: list[str], history: Any, folder: Path) -> None:
    """Draw all plots."""
    actual, probabilities = answers.actual, answers.probabilities
    plots.learning(history, folder)
    plots.confusion(answers.matrix, labels, folder)
    plots.precision_recall(metrics.precision_recall(actual, probabilities, labels), labels, folder)
    plots.reliability(metrics.reliability(actual, probabilities, answers.bins), folder)
