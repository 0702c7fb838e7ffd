"""Metrics of several workers: summed, also when one was killed."""

import ast
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from common import ROOT
from mlops.serving import asgi, counts, errors
from mlops.serving.counts import Origin
from mlops.serving.metrics import Metrics

ORIGIN = """
import os, signal, sys
from mlops.serving.counts import Origin
from mlops.serving.metrics import Metrics
origin = Origin("classifier", "7", "7", "0" * 64, "c0ffee", ["negative", "positive"])
metrics = Metrics(origin, 64)
"""
WORKER = f"""{ORIGIN}
metrics.requests.count("/predict", 200, 0.003)
metrics.requests.count("/predict", 200, 0.2)
metrics.requests.count("/predict", 503, 0.001)
metrics.requests.running.inc()
metrics.queue.waiting(5)
os.kill(os.getpid(), signal.SIGKILL)
"""
PAGE = f"""{ORIGIN}
metrics.requests.count("/predict", 200, 0.003)
metrics.requests.running.inc()
sys.stdout.buffer.write(metrics.export())
"""
WHOSE = 'endpoint="/predict",http_response_code="200",service_name="classifier"'
TOOK = "bentoml_service_request_duration_seconds"


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


def series(page: str) -> dict[str, float]:
    """Return the samples of a page by name and labels."""
    lines = [line for line in page.splitlines() if not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_workers_are_summed_and_the_dead_no_longer_run(tmp_path: Path) -> None:
    """What a killed worker had answered still counts, what it was answering does not."""
    run(WORKER, tmp_path)
    run(WORKER, tmp_path)
    values = series(run(PAGE, tmp_path))
    whose = f'{WHOSE},service_version="7"'

    assert values[f"bentoml_service_request_total{{{whose}}}"] == 5
    fast = whose.replace("service_name", 'le="0.005",service_name')
    assert values[f"{TOOK}_bucket{{{fast}}}"] == 3
    assert values[f"{TOOK}_count{{{whose}}}"] == 5
    assert values[f"{TOOK}_count{{{whose.replace('200', '503')}}}"] == 2
    running = 'endpoint="/predict",service_name="classifier",service_version="7"'
    assert values[f"bentoml_service_request_in_progress{{{running}}}"] == 1
    assert values["bentoml_service_queue_waiting"] == 0
    assert values["bentoml_service_queue_size"] == 64


def test_a_worker_that_was_started_again_is_seen(tmp_path: Path) -> None:
    """The newest start counts, while the one that was killed left a file."""
    before = time.time()
    run(WORKER, tmp_path)
    between = time.time()
    values = series(run(PAGE, tmp_path))

    assert before < between < values["bentoml_service_start_time_seconds"] < time.time()
    info = 'commit="c0ffee",model_sha256="' + "0" * 64 + '",registered="7"'
    assert values[f"bentoml_service_model_info{{{info}}}"] == 1


def test_one_process_needs_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the service is called in a program of one's own."""
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    origin = Origin("classifier", "v1", "none", "0" * 64, "c0ffee", ["negative"])
    metrics = Metrics(origin, 64, CollectorRegistry())
    metrics.requests.count("/info", 200, 0.001)

    assert series(metrics.export().decode())[f"{TOOK}_count{{{INFO}}}"] == 1


INFO = 'endpoint="/info",http_response_code="200",service_name="classifier",service_version="v1"'


def test_every_path_and_every_error_is_known_beforehand() -> None:
    """A series that is born with its first event hides it."""
    calls = [
        node
        for path in (ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "RequestError"
    ]
    raised = {ast.literal_eval(one.args[1]) for one in calls}

    assert raised == errors.CODES
    assert {*asgi.METHODS, *asgi.BENTOML, counts.OTHER} == set(counts.STATUSES)
