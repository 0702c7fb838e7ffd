"""A part of the platform as the process of a container: `s3`, or `mlflow <environment>`.

Reads: the variables that deploy/compose.yaml sets
Writes: /data, or what DATA names
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from local_platform import bucket, swift, tracking_server
from mlops.core.errors import PlatformError, run

PROGRAMS = Path(sys.executable).parent
ANYWHERE = "0.0.0.0"  # inside; deploy/compose.yaml publishes it on loopback alone
S3, POSTGRES, MLFLOW = 9000, 5432, 5000  # ports inside


def s3() -> None:
    """Run the four processes of Swift until one of them ends, or this one is told to."""
    folder = Path(os.environ.get("DATA", "/data"))
    secrets = {
        name.removeprefix("S3_").lower(): value
        for name, value in os.environ.items()
        if name.startswith("S3_")
    }
    port = int(os.environ.get("PORT", S3))
    ports = {"s3": port} | {server: port + 1 + n for n, server in enumerate(swift.SERVERS)}
    parts = swift.parts(folder, PROGRAMS, ports, secrets, ANYWHERE)
    processes = [subprocess.Popen(part.command) for part in parts]

    def finish(_signal: int, _frame: FrameType | None) -> None:
        for process in processes:
            process.terminate()

    signal.signal(signal.SIGTERM, finish)
    os.wait()
    finish(signal.SIGTERM, None)
    for process in processes:
        process.wait()


def mlflow(environment: str) -> None:
    """Become the MLflow server of an environment."""
    variables = dict(os.environ)
    variables |= {
        "DATABASE": tracking_server.database(
            environment, os.environ["DATABASE_PASSWORD"], os.environ["DATABASE_SERVER"]
        ),
        "AWS_ACCESS_KEY_ID": f"{environment}:{environment}",
        "AWS_DEFAULT_REGION": swift.REGION,
        "ADDRESS": ANYWHERE,
    }
    bucket.make(variables, bucket.named(environment))
    folder = Path(os.environ.get("DATA", "/data"))
    port = int(os.environ.get("PORT", MLFLOW))
    part = tracking_server.part(folder, environment, PROGRAMS, port, variables)
    os.execve(part.command[0], part.command, {**os.environ, **part.environment})


def main() -> None:
    """Run the part that the command line names."""
    match sys.argv[1:]:
        case ["s3"]:
            s3()
        case ["mlflow", environment]:
            mlflow(environment)
        case words:
            raise PlatformError(
                f"expected s3 or mlflow <environment>, found {' '.join(words) or 'nothing'}"
            )


if __name__ == "__main__":
    run(main)
