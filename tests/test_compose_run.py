"""deploy/compose.yaml, really run by podman-compose. Slow: two images are built.

Two things are done by hand. The image of PostgreSQL is the distribution's package with what
compose.yaml asks of the official one. And podman leaves health checks to systemd's timers, which
no container has: they are run here, and services that wait for healthy ones are started after them.
"""

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import pytest
import yaml
from botocore.exceptions import ClientError
from mlflow.exceptions import MlflowException

import containers
import servers
from clones import call, installed
from conftest import ROOT
from ml.platform.servers import Platform

pytestmark = pytest.mark.slow

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
SMALL = (
    "data.synthetic_rows=800 prepare.sample=1 training.epochs=1 evaluate.resamples=100 "
    "model.scratch.hidden=16 model.scratch.intermediate=16 model.max_length=16"
)


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
        containers.wait_for(lambda: self.passes(name), lambda: self.engine.podman("logs", name))

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


@pytest.fixture(name="composed", scope="module")
def _composed(
    engine: containers.Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Composed]:
    """All services, up; their images are built by what compose.yaml says."""
    if not shutil.which("aardvark-dns", path=containers.PATHS):
        pytest.skip("containers that know each other by name need aardvark-dns")
    folder = tmp_path_factory.mktemp("composed")
    (folder / "Dockerfile").write_text(RECIPE)
    (folder / "start").write_text(START)
    (folder / "start").chmod(0o755)
    assert engine.base
    named = SERVICES["postgres"]["image"]
    engine.podman("build", "--quiet", "--network=host", "--tag", named, str(folder))
    platform = Platform(folder, folder, servers.free_ports())
    platform.write_variables()
    composed = Composed(engine, platform)
    composed.compose("build")
    try:
        composed.up()
        yield composed
    finally:
        composed.compose("down", "--volumes")


@pytest.fixture(name="password")
def _password(composed: Composed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the password of dev's MLflow."""
    for name, value in composed.platform.variables("dev").items():
        if name.startswith("MLFLOW_TRACKING_"):
            monkeypatch.setenv(name, value)


@pytest.mark.parametrize("environment", ["dev", "qa"])
def test_a_training_is_tracked_and_shared(
    composed: Composed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: str
) -> None:
    """By the variables of `.platform/<env>.env` alone; a second clone gets the model from there."""
    variables = composed.platform.variables(environment)
    told = {**variables, "ENV": environment, "SET": SMALL, "SHARE": "1"}
    first, second = installed(tmp_path / "first"), installed(tmp_path / "second")

    assert "Running stage 'train'" in call(first, "make", "train", **told)
    assert "Running stage 'train'" not in call(second, "make", "train", **told)

    models = [(clone / "models/model/model.safetensors").read_bytes() for clone in (first, second)]
    assert models[0] == models[1]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    client = composed.client(environment)
    (experiment,) = client.search_experiments(filter_string="name != 'Default'")
    run = client.search_runs([experiment.experiment_id])[-1]
    assert run.data.tags["environment"] == environment
    assert "dvc.lock" in [entry.path for entry in client.list_artifacts(run.info.run_id)]


@pytest.mark.usefixtures("password")
def test_an_environment_is_closed_to_the_others(composed: Composed) -> None:
    """The passwords of dev open neither the MLflow, nor the bucket, nor the database of qa."""
    own, other = (composed.platform.variables(name) for name in ("dev", "qa"))

    with pytest.raises(MlflowException, match="401"):
        composed.client("qa").search_experiments()
    with pytest.raises(ClientError, match=r"AccessDenied|NoSuchBucket"):
        servers.client(own).list_objects_v2(Bucket="mlops-qa")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        servers.client({**own, "AWS_ACCESS_KEY_ID": other["AWS_ACCESS_KEY_ID"]}).list_buckets()
    secret = f"PGPASSWORD={composed.platform._secrets['postgres-dev']}"
    as_dev = ("exec", "--env", secret, container("postgres"), "psql", "-h", "postgres", "-U")
    composed.engine.podman(*as_dev, "mlflow_dev", "mlflow_dev", "-c", "select 1")
    with pytest.raises(AssertionError, match="permission denied for database"):
        composed.engine.podman(*as_dev, "mlflow_dev", "mlflow_qa", "-c", "select 1")
    with pytest.raises(AssertionError, match="password authentication failed"):
        composed.engine.podman(*as_dev, "mlflow_qa", "mlflow_qa", "-c", "select 1")


@pytest.mark.usefixtures("password")
@pytest.mark.parametrize("how", ["killed", "down"])
def test_what_was_recorded_stays(composed: Composed, how: str) -> None:
    """A killed container comes back by itself, and containers that were taken away leave data."""
    client = composed.client("dev")
    run = client.create_run(client.create_experiment(how)).info.run_id
    client.log_metric(run, "accuracy", 0.5)
    client.log_text(run, "kept", "note.txt")

    if how == "killed":
        for service in SERVICES:
            os.kill(composed.process(service), signal.SIGKILL)
        for service in SERVICES:
            composed.wait(service)
    else:
        composed.compose("down")
        composed.up()

    assert client.get_run(run).data.metrics == {"accuracy": 0.5}
    assert mlflow.artifacts.load_text(f"runs:/{run}/note.txt") == "kept"
