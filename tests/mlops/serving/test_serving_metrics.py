"""Metrics of several workers: summed, also when one was killed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from common import ROOT
from mlops.serving.metrics import Metrics

WORKER = """
import os, signal
from mlops.serving.metrics import Metrics
metrics = Metrics("classifier", "v1")
metrics.count("/predict", 200, 0.003)
metrics.count("/predict", 200, 0.2)
metrics.running.inc()
os.kill(os.getpid(), signal.SIGKILL)
"""
PAGE = """
import sys
from mlops.serving.metrics import Metrics
metrics = Metrics("classifier", "v1")
metrics.count("/predict", 200, 0.003)
metrics.running.inc()
sys.stdout.buffer.write(metrics.export())
"""


def run(code: str, folder: Path) -> str:
    """Run code as a worker whose metrics lie in a folder."""
    variables = {"PROMETHEUS_MULTIPROC_DIR": str(folder), "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def test_workers_are_summed_and_the_dead_no_longer_run(tmp_path: Path) -> None:
    """What a killed worker had answered still counts, what it was answering does not."""
    run(WORKER, tmp_path)
    run(WORKER, tmp_path)
    lines = run(PAGE, tmp_path).splitlines()
    values = {
        line.partition("{")[0]
        + ("" if "le=" not in line else line.split('le="')[1].split('"')[0]): float(
            line.split()[-1]
        )
        for line in lines
        if not line.startswith("#")
    }

    assert values["bentoml_service_request_total"] == 5
    assert values["bentoml_service_request_in_progress"] == 1
    assert values["bentoml_service_request_duration_seconds_bucket0.005"] == 3
    assert values["bentoml_service_request_duration_seconds_bucket+Inf"] == 5
    assert values["bentoml_service_request_duration_seconds_count"] == 5


def test_one_process_needs_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the service is called in a program of one's own."""
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    metrics = Metrics("classifier", "v1", CollectorRegistry())
    metrics.count("/info", 200, 0.001)

    assert b'endpoint="/info"' in metrics.export()
