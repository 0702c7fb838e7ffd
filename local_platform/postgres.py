"""PostgreSQL on loopback, from Debian's package: a database and a user for each environment.

Writes: <folder>/postgres/
"""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from local_platform.part import SECONDS, Part
from mlops.core.errors import PlatformError

PACKAGE = "apt-get install --no-install-recommends postgresql"


def part(folder: Path, port: int, password: str) -> Part:
    """Make the cluster if there is none, and return its process; `password` is the superuser's."""
    data = folder / "data"
    if not (data / "PG_VERSION").exists():
        _init(folder, data, password)
    options = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
    settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    command = [*as_postgres(), str(program("postgres")), "-D", str(data), *settings]
    return Part("postgres", command, port)


def databases(port: int, password: str, secrets: Mapping[str, str]) -> None:
    """Make the user and the database of each environment, where they are missing."""
    _wait_until_it_accepts(port)
    for environment, secret in secrets.items():
        name = f"mlflow_{environment}"
        sql = (
            f"select 'create role {name} login password ''{secret}''' "
            f"where not exists (select from pg_roles where rolname = '{name}') \\gexec\n"
            f"select 'create database {name} owner {name}' "
            f"where not exists (select from pg_database where datname = '{name}') \\gexec\n"
            f"revoke connect on database {name} from public;\n"
        )
        _psql(port, password, sql)


def program(name: str) -> Path:
    """Return where a program of PostgreSQL lies: the newest of Debian's, else on the PATH."""
    found = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda p: float(p.parts[-3])
    )
    path = str(found[-1]) if found else shutil.which(name)
    if not path:
        raise PlatformError(
            f"PostgreSQL's {name} should be installed, but is not; install it: {PACKAGE}"
        )
    return Path(path)


def as_postgres() -> list[str]:
    """Return what runs a command as the user postgres for root, whom PostgreSQL refuses."""
    if os.geteuid():
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]


def _init(folder: Path, data: Path, password: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    initdb = program("initdb")  # before anything is left behind
    if not os.geteuid():
        shutil.chown(folder, "postgres", "postgres")
    secret = folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(password, encoding="utf-8")
    if not os.geteuid():
        shutil.chown(secret, "postgres", "postgres")
    partial = folder / "data.partial"
    shutil.rmtree(partial, ignore_errors=True)
    command = [*as_postgres(), str(initdb), "-D", str(partial), "-A", "scram-sha-256"]
    command += ["-U", "postgres", "-E", "UTF8", "--locale=C", f"--pwfile={secret}"]
    try:
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    finally:
        secret.unlink()
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1]
        raise PlatformError(
            f"PostgreSQL should make its files in {data}, but: {reason}; as root the user postgres "
            "must be able to enter all folders above"
        )
    partial.replace(data)


def _wait_until_it_accepts(port: int) -> None:
    """Wait while PostgreSQL listens, but still recovers from a crash."""
    command = [str(program("pg_isready")), "-q", "-h", "127.0.0.1", "-p", str(port)]
    deadline = time.monotonic() + SECONDS
    while subprocess.run(command, check=False).returncode and time.monotonic() < deadline:
        time.sleep(0.1)


def _psql(port: int, password: str, sql: str) -> None:
    command = [str(program("psql")), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1"]
    command += ["-p", str(port), "-U", "postgres"]
    done = subprocess.run(
        command,
        input=sql,
        env={**os.environ, "PGPASSWORD": password},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise PlatformError(
            f"PostgreSQL should make the databases of MLflow, but: {done.stderr.strip()}; "
            "is .platform of this project, whole?"
        )
