"""What does retention take over 1,000 runs, in an embedded store and through an MLflow server?

Run: python benchmarks/retention.py [--runs 1000] [--only embedded]
Writes: benchmarks/retention.md, with --only nothing
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

import mlflow
import results
from settings import ROOT
from storage import free_ports
from table import Section

from ml.compose import compose
from ml.platform import servers
from ml.platform.servers import Platform
from ml.retaining.plan import Plan
from ml.retention import DAY, Retention
from ml.sharing import remote

RESULTS = ROOT / "benchmarks" / "retention.md"
HEADER = "# Retention benchmark\n\nWritten by `python benchmarks/retention.py`.\n"
HEAD = ("store", "runs", "of them expired", "objects", "look: s", "delete: s", "again: s")
YOUNG = 10  # of a hundred runs


class Past:
    """Runs of qa, most of them expired, each with three files and an object in DVC's remote."""

    def __init__(self, runs: int, threads: int) -> None:
        self.runs = runs
        self.params = compose("qa")
        uri = os.environ["MLFLOW_TRACKING_URI"]
        self._client = mlflow.MlflowClient(uri, uri)
        self._objects = remote.client()
        place = Path("artifacts").absolute().as_uri() if uri.startswith("sqlite:") else None
        self._experiment = self._client.create_experiment(self.params.mlflow.experiment_name, place)
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


def measured(name: str, runs: int, threads: int) -> list[str]:
    """Look, delete, look again; return the row."""
    past = Past(runs, threads)
    retention = Retention(past.params, time.time() + 181 * DAY, True)
    look, (tracked, objects) = timed(retention.plan)
    delete, done = timed(lambda: retention.apply(tracked))
    again, left = timed(retention.plan)
    expired = runs - sum(number % 100 < YOUNG for number in range(runs))
    counts = len(tracked.going), len(objects.going)
    assert counts == (expired, expired), (counts, tracked.staying, objects.staying)
    assert len(done.going) == 2 * expired
    assert [plan.going for plan in left] == [[], []]
    seconds = [f"{value:.1f}" for value in (look, delete, again)]
    return [name, str(runs), str(expired), str(runs), *seconds]


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that something took, and what it returned."""
    start = time.perf_counter()
    found: Plan | tuple[Plan, Plan] = function()
    return time.perf_counter() - start, found


def embedded(platform: Platform, runs: int) -> list[str]:
    """Measure with MLflow's SQLite store on this machine."""
    platform.up("s3")
    os.environ |= platform.variables("qa") | {"MLFLOW_TRACKING_URI": "sqlite:///mlflow.db"}
    return measured("embedded (SQLite)", runs, 1)


def server(platform: Platform, runs: int) -> list[str]:
    """Measure with an MLflow server on PostgreSQL and S3, behind its password."""
    platform.up("s3", "postgres", "mlflow-qa")
    os.environ |= platform.variables("qa")
    return measured("MLflow server", runs, 8)


ALL = {"embedded": embedded, "server": server}


def options() -> argparse.Namespace:
    """Read the command line."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--runs", type=int, default=1000)
    words.add_argument("--only", choices=list(ALL))
    return words.parse_args()


def main() -> None:
    """Measure what is asked for."""
    asked = options()
    venv = ROOT / ".platform" / "venv"
    uv = str(ROOT / ".venv" / "bin" / "uv")
    programs = servers.programs(venv, ROOT / "requirements" / "platform.lock", uv)
    state, rows = results.state(ROOT), []
    for name in [asked.only] if asked.only else ALL:
        # Where the user postgres may enter; the project's files, with a history but no remotes.
        with tempfile.TemporaryDirectory(prefix="bench-") as work:
            Path(work).chmod(0o711)
            subprocess.run(["git", "clone", "-q", str(ROOT), f"{work}/clone"], check=True)
            os.chdir(f"{work}/clone")
            subprocess.run(["git", "remote", "remove", "origin"], check=True)
            platform = Platform(Path(work) / "platform", programs, free_ports())
            try:
                rows.append(ALL[name](platform, asked.runs))
            finally:
                platform.down()
                os.chdir(ROOT)
    notes = [
        "To look is what `make retention` does without `APPLY=1`: every run that goes is asked for "
        "the bytes of its files, every run that stays for its `dvc.lock`.",
        "MLflow's basic authentication hashes the password anew for each request, 0.09 s of CPU: "
        "that is most of what the server takes.",
    ]
    sections = results.printed([Section("Retention", HEAD, rows, notes)], state)
    if not asked.only:
        page = results.page(HEADER, ("mlflow", "boto3"), ["Retention"], sections)
        RESULTS.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
