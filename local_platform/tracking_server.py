"""An MLflow server for an environment: runs in PostgreSQL, artifacts on S3, behind a password.

Writes: <folder>/mlflow-<environment>.ini
"""

from collections.abc import Mapping
from pathlib import Path

from local_platform import bucket
from local_platform.part import Part

USER = "mlflow"
# MLflow hashes the password at each request, which takes longer than most answers, unless it may
# remember for so many seconds that it was right. One process answers, so it hears of every change.
REMEMBERED = 60


def part(
    folder: Path, environment: str, programs: Path, port: int, variables: Mapping[str, str]
) -> Part:
    """Write the settings and return the process.

    `variables` are DATABASE (a URI), PASSWORD, SECRET, those that lead to the bucket on S3, and
    ADDRESS where it answers to more than this machine.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / f"mlflow-{environment}.ini"
    settings.touch(mode=0o600)
    settings.write_text(
        "[mlflow]\ndefault_permission = NO_PERMISSIONS\n"
        f"database_uri = {variables['DATABASE']}\n"
        f"admin_username = {USER}\nadmin_password = {variables['PASSWORD']}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        f"auth_cache_ttl_seconds = {REMEMBERED}\n",
        encoding="utf-8",
    )
    command = [str(programs / "python"), "-m", "mlflow", "server", "--app-name", "basic-auth"]
    command += ["--host", variables.get("ADDRESS", "127.0.0.1"), "--port", str(port)]
    command += ["--workers", "1"]
    aws = {name: value for name, value in variables.items() if name.startswith("AWS_")}
    # The address of the database holds its password: not on the command line, which all can read.
    environ = {
        "MLFLOW_BACKEND_STORE_URI": variables["DATABASE"],
        "MLFLOW_ARTIFACTS_DESTINATION": f"s3://{bucket.named(environment)}/mlflow",
        "MLFLOW_AUTH_CONFIG_PATH": str(settings),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": variables["SECRET"],
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # 8 processes that nothing here uses
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_TRACKING_URI": "",
    }
    return Part(f"mlflow-{environment}", command, port, {**environ, **aws})


def database(environment: str, secret: str, server: str) -> str:
    """Return the address of an environment's database, at a host and port."""
    name = f"mlflow_{environment}"
    return f"postgresql+psycopg2://{name}:{secret}@{server}/{name}"
