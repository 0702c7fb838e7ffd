"""Serve the environment's MLflow on loopback until it is interrupted.

Reads: .mlflow/<ENV>/, MLFLOW_TRACKING_URI, MLFLOW_OFFLINE, PORT (5000 unless set)
"""

import os
import sys

from mlops.core import environment, paths
from mlops.core.errors import TrackingError, run
from mlops.tracking import server


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
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # 8 processes that nothing here uses
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    command = ["mlflow", "server", "--host", "127.0.0.1", "--port", os.environ.get("PORT", "5000")]
    command += ["--backend-store-uri", f"sqlite:///{store / 'mlflow.db'}", "--workers", "1"]
    command += ["--artifacts-destination", (store / "artifacts").as_uri()]
    os.execv(sys.executable, [sys.executable, "-m", *command])


if __name__ == "__main__":
    run(main)
