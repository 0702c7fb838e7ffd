"""Rules of mlops.tracking.system_metrics."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from mlflow_server import until
from mlops.tracking import system_metrics
from mlops.tracking.system_metrics import SystemMetrics


def test_samples_are_written_from_the_given_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They go where they are told to, without a store that answers; a resumed run goes on."""
    monkeypatch.setattr(system_metrics, "SECONDS", 0.05)
    monkeypatch.chdir(tmp_path)
    samples: list[tuple[int, Mapping[str, float]]] = []

    with SystemMetrics(
        lambda values, step: samples.append((step, values)), 7, "http://127.0.0.1:9"
    ):
        until(lambda: len(samples) >= 2)

    assert [step for step, _ in samples][:2] == [7, 8]
    assert "system/cpu_utilization_percentage" in samples[0][1]
    assert list(tmp_path.iterdir()) == []
