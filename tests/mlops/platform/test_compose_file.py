"""deploy/compose.yaml says the same as `make platform`, and its containers' process really runs."""

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow
import pytest
import yaml
from botocore.exceptions import ClientError

import servers
from common import ROOT
from local_platform import container
from local_platform.__main__ import ports
from local_platform.part import SECONDS
from local_platform.processes import listening
from local_platform.servers import ENVIRONMENTS, Platform
from mlops.core.errors import PlatformError

TEXT = (ROOT / "deploy" / "compose.yaml").read_text()
SERVICES: dict[str, Any] = yaml.safe_load(TEXT)["services"]
OUTSIDE = {"s3": "PORT_S3", "postgres": "PORT_POSTGRES"} | {
    f"mlflow-{name}": f"PORT_{name.upper()}" for name in ENVIRONMENTS
}


@pytest.fixture(name="told")
def _told(tmp_path: Path) -> dict[str, str]:
    """What `make platform-env` writes."""
    platform = Platform(tmp_path, tmp_path / "bin", ports())
    platform.write_variables()
    file = tmp_path / "compose.env"
    assert file.stat().st_mode & 0o777 == 0o600
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def test_it_has_the_parts_of_the_platform() -> None:
    """No environment is missing."""
    assert set(SERVICES) == {"s3", "postgres", *(f"mlflow-{name}" for name in ENVIRONMENTS)}


def test_it_is_told_all_that_it_asks_for(told: dict[str, str]) -> None:
    """Each variable that it names is written, and none that it does not name."""
    assert set(re.findall(r"\$\{(\w+)", TEXT)) == set(told)


def test_it_answers_where_the_processes_do(told: dict[str, str], tmp_path: Path) -> None:
    """On loopback, on the same ports, with the same passwords as `.platform/<env>.env` says."""
    inside = {"s3": container.S3, "postgres": container.POSTGRES}
    for name, service in SERVICES.items():
        port = inside.get(name, container.MLFLOW)
        assert service["ports"] == [f"127.0.0.1:${{{OUTSIDE[name]}:?}}:{port}"]
    for name in ENVIRONMENTS:
        lines = (tmp_path / f"{name}.env").read_text().splitlines()
        led = dict(line.split("=", 1) for line in lines)
        assert led["MLFLOW_TRACKING_URI"].endswith(f":{told[f'PORT_{name.upper()}']}")
        assert led["MLFLOW_TRACKING_PASSWORD"] == told[f"MLFLOW_{name.upper()}"]
        assert led["AWS_SECRET_ACCESS_KEY"] == told[f"S3_{name.upper()}"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_gets_its_own_passwords_alone(environment: str) -> None:
    """Nothing of another environment is in its MLflow's container."""
    service = SERVICES[f"mlflow-{environment}"]
    named = set(re.findall(r"\$\{(\w+)", str(service)))
    others = {name.upper() for name in ENVIRONMENTS if name != environment}

    assert service["command"] == ["mlflow", environment]
    assert not {name for name in named if name.split("_")[-1] in others}


@pytest.mark.parametrize("name", SERVICES)
def test_a_part_is_watched_and_comes_back(name: str) -> None:
    """With a health check, a version, and volumes where it has data."""
    service = SERVICES[name]

    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["restart"] == "unless-stopped"
    assert name != "postgres" or re.fullmatch(r"postgres:\d+\.\d+", service["image"])
    assert bool(service.get("volumes")) == (name in ("s3", "postgres"))


def test_the_image_is_built_once() -> None:
    """Docker builds services side by side, and refuses the second image of one name."""
    ours = [one for one in SERVICES.values() if one["image"] == "mlops-platform"]

    assert len(ours) == 1 + len(ENVIRONMENTS)
    assert ["build" in one for one in ours] == [True, False, False, False]
    assert {one["pull_policy"] for one in ours[1:]} == {"never"}


def test_the_image_has_all_code_that_it_runs(tmp_path: Path) -> None:
    """What the Dockerfile copies imports nothing else of this project."""
    copied = re.findall(
        r"^COPY ((?:src/|local_platform).*) \S+$",
        (ROOT / "deploy" / "Dockerfile").read_text(),
        re.M,
    )
    for source in " ".join(copied).split():
        target = tmp_path / source.removeprefix("src/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(ROOT / source)

    # postgres.py and servers.py are those of the processes alone.
    done = subprocess.run(
        [python(), "-m", "local_platform.container"],
        env={"PYTHONPATH": str(tmp_path), "PATH": os.environ["PATH"]},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == "error: expected s3 or mlflow <environment>, found nothing\n"


def python() -> str:
    """Return the Python of the servers, whose packages the image has."""
    return str(servers.installed() / "python")


@contextmanager
def running(words: list[str], variables: dict[str, str], port: int) -> Iterator[None]:
    """Run what a container runs until the block ends; it ends by SIGTERM, as Docker does it."""
    plain = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}/src:{ROOT}", "PORT": str(port)}
    process = subprocess.Popen(
        [python(), "-m", "local_platform.container", *words], env={**plain, **variables}
    )
    try:
        while not listening(port):
            assert process.poll() is None
        yield
    finally:
        process.terminate()
        process.wait(SECONDS)


def free_port() -> int:
    """Return a port that is free, and so are the next three, most probably."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.integration
def test_the_containers_really_serve(
    platform_base: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 with an account for each environment, and MLflow that keeps a run and its file there."""
    platform_base.up("postgres")
    at = {"s3": free_port(), "mlflow": free_port()}
    secrets = {name: f"secret-{name}" for name in ENVIRONMENTS}
    objects = {f"S3_{name.upper()}": secret for name, secret in secrets.items()}
    tracking = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{at['s3']}",
        "AWS_SECRET_ACCESS_KEY": secrets["dev"],
        "DATABASE_SERVER": f"127.0.0.1:{platform_base.ports['postgres']}",
        "DATABASE_PASSWORD": platform_base._secrets["postgres-dev"],
        "PASSWORD": platform_base.variables("dev")["MLFLOW_TRACKING_PASSWORD"],
        "SECRET": "x",
    }
    (tmp_path / "s3").mkdir()
    (tmp_path / "mlflow").mkdir()
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", tracking["PASSWORD"])
    with (
        running(["s3"], {**objects, "DATA": str(tmp_path / "s3")}, at["s3"]),
        running(["mlflow", "dev"], {**tracking, "DATA": str(tmp_path / "mlflow")}, at["mlflow"]),
    ):
        client = mlflow.MlflowClient(f"http://127.0.0.1:{at['mlflow']}")
        run = client.create_run(client.create_experiment("in-a-container"))
        client.log_text(run.info.run_id, "kept", "note.txt")
        key = {"AWS_ACCESS_KEY_ID": "dev:dev", "AWS_DEFAULT_REGION": "us-east-1"}
        found = servers.client({**tracking, **key}).list_objects_v2(Bucket=servers.DEV)
        assert found["Contents"][0]["Key"].endswith(f"{run.info.run_id}/artifacts/note.txt")
        other = {**tracking, **key, "AWS_ACCESS_KEY_ID": "qa:qa"}
        with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
            servers.client(other).list_buckets()
    assert not listening(at["s3"])


@pytest.mark.parametrize("words", [[], ["s4"], ["mlflow"]])
def test_another_part_is_told(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    """With what there is."""
    monkeypatch.setattr("sys.argv", ["container", *words])

    with pytest.raises(PlatformError, match="expected s3 or mlflow <environment>, found"):
        container.main()
