"""Serve the environment's MLflow on loopback until it is interrupted.

Reads: .mlflow/<ENV>/, MLFLOW_TRACKING_URI, MLFLOW_OFFLINE, PORT (5000 unless set)
"""

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from mlops.core import environment, paths
from mlops.core.errors import TrackingError, run
from mlops.tracking import server
from mlops.tracking.description import VIEW


def links(database: Path, port: str) -> list[str]:
    """Return the address of each experiment that has runs: model training, its scores first."""
    query = (
        "SELECT experiment_id, name, (SELECT 1 FROM experiment_tags AS t WHERE key = ? AND "
        "t.experiment_id = e.experiment_id) FROM experiments AS e WHERE lifecycle_stage = 'active' "
        "AND EXISTS (SELECT 1 FROM runs AS r WHERE r.experiment_id = e.experiment_id) ORDER BY name"
    )
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as found:
            rows = found.execute(query, (f"{VIEW}scores",)).fetchall()
    except sqlite3.Error:
        return []  # MLflow says what is wrong with it
    return [
        f"{name}: http://127.0.0.1:{port}/#/experiments/{number}/runs?workflowType=machine_learning"
        + ("&viewStateShareKey=scores" if has_view else "")
        for number, name, has_view in rows
    ]


def main() -> None:
    """Replace this process by the MLflow server, or say where the remote one is."""
    name = environment.asked()
    used = server.get_uri(name)
    if used != server.get_embedded_uri(name):
        raise TrackingError(
            f"the runs of {name} are in MLFLOW_TRACKING_URI: open {server.redact(used)} in a "
            "browser, or set MLFLOW_OFFLINE=1 to see those recorded on this machine"
        )
    store = paths.mlflow_store(name)
    if not (store / "mlflow.db").exists():
        raise TrackingError(
            f"{name} has no MLflow store on this machine; run `make train ENV={name}` first"
        )
    port = os.environ.get("PORT", "5000")
    sys.stdout.writelines(f"{line}\n" for line in links(store / "mlflow.db", port))
    sys.stdout.flush()
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # 8 processes that nothing here uses
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    command = ["mlflow", "server", "--host", "127.0.0.1", "--port", port]
    command += ["--backend-store-uri", f"sqlite:///{store / 'mlflow.db'}", "--workers", "1"]
    command += ["--artifacts-destination", (store / "artifacts").as_uri()]
    os.execv(sys.executable, [sys.executable, "-m", *command])


if __name__ == "__main__":
    run(main)
