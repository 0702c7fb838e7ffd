"""The containers of deploy/compose.yaml, by podman-compose, for the slow tests.

Two things are done by hand. The image of PostgreSQL is the distribution's package with what
compose.yaml asks of the official one. And podman leaves health checks to systemd's timers, which
no container has: they are run here, and services that wait for healthy ones are started after them.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import yaml

import containers
import servers
from common import ROOT
from local_platform.servers import Platform

FILE = ROOT / "deploy" / "compose.yaml"
SERVICES: dict[str, Any] = yaml.safe_load(FILE.read_text())["services"]
RECIPE = """
FROM docker.io/library/python:3.11-slim
RUN useradd --system --user-group --uid 999 postgres && mkdir /etc/postgresql-common \\
    && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf \\
    && apt-get update -qq && apt-get install -qq --no-install-recommends postgresql-15 \\
    && install -d -m 3777 -o postgres /var/run/postgresql && mkdir /docker-entrypoint-initdb.d
ENV PATH=$PATH:/usr/lib/postgresql/15/bin PGDATA=/var/lib/postgresql/data
VOLUME /var/lib/postgresql/data
COPY start /
STOPSIGNAL SIGINT
ENTRYPOINT ["/start"]
"""
START = """#!/bin/bash
set -eu
if [ "$(id -u)" = 0 ]; then
  chown -R postgres "$PGDATA" && chmod 700 "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb --username=postgres --pwfile=<(echo "$POSTGRES_PASSWORD") $POSTGRES_INITDB_ARGS
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  export PGPASSWORD=$POSTGRES_PASSWORD
  pg_ctl --wait --options="-c listen_addresses=''" start
  for script in /docker-entrypoint-initdb.d/*.sh; do "$script"; done
  pg_ctl --wait --mode=fast stop
  unset PGPASSWORD
fi
exec postgres -c listen_addresses='*'
"""


@dataclass(frozen=True)
class Composed:
    """The containers of compose.yaml, and the passwords and ports that they were told."""

    engine: containers.Engine
    platform: Platform

    def compose(self, *words: str) -> None:
        """Run podman-compose to its end."""
        told = ("--env-file", str(self.platform.folder / "compose.env"), "-f", str(FILE))
        network = "--podman-build-args=--network=host"
        self.engine.call(str(ROOT / ".venv/bin/podman-compose"), *told, network, *words)

    def up(self) -> None:
        """Start what others wait for, then the others; each of them becomes healthy."""
        first = [name for name, service in SERVICES.items() if "depends_on" not in service]
        for services in (first, [name for name in SERVICES if name not in first]):
            self.compose("up", "--detach", "--no-build", *services)
            for service in services:
                self.wait(service)

    def wait(self, service: str) -> None:
        """Run a service's health check until it passes."""
        name = container(service)
        containers.wait_for(
            lambda: self.passes(name), lambda: self.engine.podman("logs", name), 300
        )

    def passes(self, name: str) -> bool:
        """Run a health check once."""
        try:
            self.engine.podman("healthcheck", "run", name)
        except AssertionError:
            return False
        return True

    def process(self, service: str) -> int:
        """Return the first process of a service."""
        return int(self.engine.podman("inspect", "-f", "{{.State.Pid}}", container(service)))

    def client(self, environment: str) -> mlflow.MlflowClient:
        """Return a client of an environment's MLflow."""
        return mlflow.MlflowClient(self.platform.variables(environment)["MLFLOW_TRACKING_URI"])


def container(service: str) -> str:
    """Return the name of a service's container."""
    return f"mlops-platform_{service}_1"


def lacking() -> list[str]:
    """Return what this machine lacks for containers that know each other by name."""
    dns = shutil.which("aardvark-dns", path=containers.PATHS)
    return containers.missing() + ([] if dns else ["aardvark-dns"])


@contextmanager
def composing(engine: containers.Engine, folder: Path) -> Iterator[Composed]:
    """Build the images, start all services, and take them and their data away at the end."""
    (folder / "Dockerfile").write_text(RECIPE)
    (folder / "start").write_text(START)
    (folder / "start").chmod(0o755)
    assert engine.base
    named = SERVICES["postgres"]["image"]
    engine.podman("build", "--quiet", "--network=host", "--tag", named, str(folder))
    platform = Platform(folder, folder, servers.free_ports())
    platform.write_variables()
    found = Composed(engine, platform)
    found.compose("build")
    try:
        found.up()
        yield found
    finally:
        found.compose("down", "--volumes")
