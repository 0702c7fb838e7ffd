"""What does retention take over 1,000 runs, in an embedded store and through an MLflow server?

Run: python benchmarks/retention.py [--quick] [--runs 1000] [--only embedded]
Writes: benchmarks/retention.md, with --only or --quick nothing
"""

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import mlflow
import results
from requests import Session
from settings import ROOT
from storage import free_ports
from table import Section

from local_platform import processes, servers
from local_platform.servers import Platform
from mlops.pipeline.compose import compose
from mlops.storage import remote
from mlops.storage.retention import DAY, Retention
from mlops.tracking.description import name_experiment

RESULTS = ROOT / "benchmarks" / "retention.md"
HEADER = "# Retention benchmark\n\nWritten by `python benchmarks/retention.py`.\n"
HEAD = (
    "store",
    "runs",
    "of them expired",
    "objects",
    "step",
    "seconds",
    "server's CPU",
    "requests",
)
YOUNG = 10  # of a hundred runs


class Past:
    """Runs of qa, most of them expired, each with three files and an object in DVC's remote."""

    def __init__(self, runs: int, threads: int) -> None:
        self.runs = runs
        self.params = compose("qa")
        uri = os.environ["MLFLOW_TRACKING_URI"]
        self._client = mlflow.MlflowClient(uri, uri)
        self._objects = remote.client()
        place = Path(".mlflow/artifacts").absolute().as_uri() if uri.startswith("sqlite:") else None
        name = name_experiment(self.params)
        self._experiment = self._client.create_experiment(name, place)
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(self._run, range(runs)))
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self._object, range(runs)))

    def _run(self, number: int) -> None:
        # Half a year from now, when all is looked at, the young ones are a day old.
        moment = time.time() + (180 * DAY if number % 100 < YOUNG else 0)
        run_id = self._client.create_run(
            self._experiment, int(moment * 1000), {"environment": "qa"}
        ).info.run_id
        self._client.log_text(run_id, f"outs:\n- md5: {number:032x}\n", "dvc.lock")
        self._client.log_text(run_id, "x" * 5000, "params.yaml")
        self._client.log_text(run_id, "x" * 5000, "reports/metrics.json")
        self._client.set_terminated(run_id, "FINISHED", int(moment * 1000))

    def _object(self, number: int) -> None:
        bucket, _, prefix = self.params.storage.remote.removeprefix("s3://").partition("/")
        key = f"{prefix}/files/md5/{number:032x}"
        self._objects.put_object(Bucket=bucket, Key=f"{key[:-30]}/{key[-30:]}", Body=b"x" * 1000)


def measured(platform: Platform, name: str, runs: int, threads: int) -> list[list[str]]:
    """Look, delete, look again; return a row for each."""
    boto3.setup_default_session()  # the one before keeps the credentials of another platform
    past = Past(runs, threads)
    retention = Retention(past.params, time.time() + 181 * DAY, True)
    expired = runs - sum(number % 100 < YOUNG for number in range(runs))
    rows = []

    def timed(step: str, function: Callable[[], Any]) -> Any:
        busy, start = served(platform), time.perf_counter()
        with mock.patch.object(Session, "send", autospec=True, side_effect=Session.send) as sent:
            found = function()
        seconds = time.perf_counter() - start
        counts = [f"{number:,}" for number in (runs, expired, runs)]
        spent = [f"{value:.1f}" for value in (seconds, served(platform) - busy)]
        rows.append([name, *counts, step, *spent, f"{sent.call_count:,}"])
        return found

    tracked, objects = timed("look", retention.plan)
    assert [len(plan.going) for plan in (tracked, objects)] == [expired, expired]
    done = timed("delete", lambda: retention.apply(tracked))
    assert len(done.going) == 2 * expired
    left = timed("look again", retention.plan)
    assert [plan.going for plan in left] == [[], []]
    return rows


def served(platform: Platform) -> float:
    """Return the seconds of CPU that MLflow's server has taken; none where there is none."""
    members = processes.family(platform.folder / "run", "mlflow-qa")
    return float(sum(sum(one.cpu_times()[:2]) for one in members))


def embedded(platform: Platform, runs: int) -> list[list[str]]:
    """Measure with MLflow's SQLite store on this machine."""
    platform.up("s3")
    os.environ |= platform.variables("qa") | {"MLFLOW_TRACKING_URI": "sqlite:///mlflow.db"}
    return measured(platform, "embedded (SQLite)", runs, 1)


def server(platform: Platform, runs: int) -> list[list[str]]:
    """Measure with an MLflow server on PostgreSQL and S3, behind its password."""
    platform.up("s3", "postgres", "mlflow-qa")
    os.environ |= platform.variables("qa")
    return measured(platform, "MLflow server", runs, 8)


ALL = {"embedded": embedded, "server": server}


def options() -> argparse.Namespace:
    """Read the command line."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--quick", action="store_true", help="20 runs, to try the benchmark")
    words.add_argument("--runs", type=int, default=1000)
    words.add_argument("--only", choices=list(ALL))
    return words.parse_args()


def main() -> None:
    """Measure what is asked for."""
    asked = options()
    runs = 20 if asked.quick else asked.runs
    venv = ROOT / ".platform" / "venv"
    uv = str(ROOT / ".venv" / "bin" / "uv")
    programs = servers.programs(venv, ROOT / "requirements" / "platform.lock", uv)
    state = results.state(ROOT)
    rows: list[list[str]] = []
    for name in [asked.only] if asked.only else ALL:
        # Where the user postgres may enter; the project's files, with a history but no remotes.
        with tempfile.TemporaryDirectory(prefix="bench-") as work:
            Path(work).chmod(0o711)
            subprocess.run(["git", "clone", "-q", str(ROOT), f"{work}/clone"], check=True)
            os.chdir(f"{work}/clone")
            subprocess.run(["git", "remote", "remove", "origin"], check=True)
            platform = Platform(Path(work) / "platform", programs, free_ports())
            try:
                rows += ALL[name](platform, runs)
            finally:
                platform.down()
                os.chdir(ROOT)
    notes = [
        "To look is what `make retention` does without `APPLY=1`: every run that goes is asked for "
        "the bytes of its files, every run that stays for its `dvc.lock`.",
        "Requests are those to MLflow, each with the password; the CPU is that of its server, in "
        "seconds.",
    ]
    sections = results.printed([Section("Retention", HEAD, rows, notes)], state)
    if not (asked.only or asked.quick):
        page = results.page(HEADER, ("mlflow", "boto3"), ["Retention"], sections)
        RESULTS.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
