"""Runs of an MLflow store as the pipeline records them, without a training."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ml.config import Params
from mlops.tracking import runs
from mlops.tracking.recorder import Run


def record(params: Params, right: Sequence[bool], curve: Sequence[float] = (0.7, 0.5)) -> str:
    """Record a training and the evaluation of its model; `right` says which test rows it knows."""
    data = {"train": "a" * 64, "val": "b" * 64}
    resume, digest = Path("checkpoints/run"), f"{len(list(Path('.runs').glob('*.json'))):064}"
    with runs.training_run(params, data, resume) as run:
        assert isinstance(run, Run)
        for step, loss in enumerate(curve, start=1):
            run.log_metrics({"val_loss": loss, "val_accuracy": 1 - loss}, step)
        run.finish(params, digest)
    resume.unlink()
    reports = Path("reports-of-a-run") / "reports"
    reports.mkdir(parents=True, exist_ok=True)
    (reports / "predictions.parquet").write_bytes(predictions(right))
    runs.log_evaluation(params, digest, metrics(right), reports)
    return run.run_id


def predictions(right: Sequence[bool]) -> bytes:
    """Return the answers for rows that are all positive."""
    table = {
        "text": [f"row {n}" for n in range(len(right))],
        "label": ["positive"] * len(right),
        "predicted": ["positive" if one else "negative" for one in right],
    }
    content = io.BytesIO()
    pl.DataFrame(table).write_parquet(content)
    return content.getvalue()


def metrics(right: Sequence[bool]) -> dict[str, Any]:
    """Return what evaluate finds."""
    share, half = sum(right) / len(right), 1 / len(right) ** 0.5
    lead = {"accuracy": 0.5, "lead": 0.1, "lead_low": -0.1, "lead_high": 0.3}
    return {
        "rows": len(right), "accuracy": share, "macro_f1": share, "ece": 0.1,
        "accuracy_low": share - half, "accuracy_high": share + half,
        "per_class": {"positive": {"recall": share, "support": len(right)}},
        "slices": {"words=1-8": {"accuracy": share, "accuracy_low": 0.1, "rows": 3}},
        "baselines": {"majority": lead | {"accuracy": 0.4}, "tfidf": lead},
        "behaviour": {"it is never low_low": 1.0},
    }  # fmt: skip
