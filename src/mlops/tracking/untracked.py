"""What stages ask of `mlops.tracking.runs`, kept nowhere: a smoke run pays for no MLflow."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlops.config.schema import Params


class Run:
    """A run that nobody records."""

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Take the metrics of a step."""

    def finish(self, params: Params, model_digest: str) -> None:
        """Take the end of a training."""


@contextmanager
def training_run(params: Params, data: Mapping[str, str], resume: Path) -> Iterator[Run]:
    """Open a run that nobody records."""
    yield Run()


def log_evaluation(
    params: Params, model_digest: str, metrics: Mapping[str, Any], folder: Path
) -> None:
    """Take the evaluation of a model."""
