"""Images known by their digest: what the engines tell of a push. Slow."""

import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

import containers
import served
from common import ROOT
from mlops.pipeline.compose import compose
from mlops.release import images

pytestmark = pytest.mark.release


@pytest.mark.skipif(not shutil.which("docker"), reason="no docker")
def test_docker_tells_the_digest_of_what_it_pushed(
    engine: containers.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Docker's own client, with podman as its engine: what was pushed is there by that digest."""
    monkeypatch.chdir(ROOT)
    name = f"{engine.registry}/team/small"
    deploy = compose("qa", "default", f"deploy.engine=docker deploy.image={name}").deploy
    with tarfile.open(tmp_path / "root.tar", "w") as archive:
        archive.add(ROOT / "LICENSE", "LICENSE")
    engine.podman("import", "--quiet", str(tmp_path / "root.tar"), f"{name}:content")
    address = f"unix://{tmp_path}/s"
    service = subprocess.Popen(
        ["podman", "system", "service", "--time", "0", address], env=engine.environment
    )
    monkeypatch.setenv("DOCKER_HOST", address)
    try:
        containers.wait_for((tmp_path / "s").exists, str)
        image = images._pushed(f"{name}:content", deploy)
    finally:
        served.end(service)

    assert image.startswith(f"{name}@sha256:")
    engine.podman("rmi", "--force", f"{name}:content")
    engine.podman("pull", "--quiet", image)
