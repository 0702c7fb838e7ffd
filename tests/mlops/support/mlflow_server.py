"""A real MLflow server on SQLite for the tests, killed and started again at will."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow


def until(condition: Callable[[], object], seconds: float = 120) -> None:
    """Ask again and again until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.05)


class Server:
    """`mlflow server` with its store in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        store = f"sqlite:///{self.folder / 'mlflow.db'}"
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "--workers", "1", "--backend-store-uri", store]
        command += ["--artifacts-destination", (self.folder / "artifacts").as_uri()]
        plain = {n: v for n, v in os.environ.items() if not n.startswith("MLFLOW_TRACKING")}
        plain["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, env=plain, start_new_session=True
            )
        until(self.answers)

    def answers(self) -> bool:
        """Tell whether it answers."""
        assert self._process
        assert self._process.poll() is None, (self.folder / "log").read_text()[-3000:]
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def down(self) -> bool:
        """Tell whether it was not started, or was killed."""
        return self._process is None

    def kill(self) -> None:
        """End it and its workers as a power cut does."""
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def runs(self) -> list[Any]:
        """Return all its runs."""
        return all_runs(self.uri)


def all_runs(uri: str) -> list[Any]:
    """Return all runs of a store."""
    client = mlflow.MlflowClient(uri)
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    return list(client.search_runs(ids))


def points(uri: str, run_id: str) -> dict[str, list[tuple[int, int, float]]]:
    """Return every point of every metric of a run: step, time, value."""
    client = mlflow.MlflowClient(uri)
    return {
        name: sorted(
            (point.step, point.timestamp, point.value)
            for point in client.get_metric_history(run_id, name)
        )
        for name in client.get_run(run_id).data.metrics
    }
