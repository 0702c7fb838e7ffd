"""The commands of docs/release.md, as typed in a fresh clone: from training to going back. Slow."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import clones
import containers
import served
import stations
from common import ROOT
from stations import Station

pytestmark = pytest.mark.nightly
(BLOCK,) = re.findall(
    r"```sh\n(make train.*?)```", (ROOT / "docs" / "release.md").read_text(), re.S
)
WORSE, BETTER = "worse", "better"  # experiments


@pytest.fixture(name="project", scope="module")
def _project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = clones.installed(tmp_path_factory.mktemp("release") / "project")
    clones.experiments(project, worse=(8000, 3), better=(30000, 4))
    return project


@pytest.fixture(name="station")
def _station(engine: containers.Engine, tmp_path: Path) -> Iterator[Station]:
    assert engine.base
    image = stations.proxy(engine, tmp_path)
    yield Station(engine, stations.four_ports(), image)
    engine.podman("pod", "rm", "--force", "--all")
    engine.podman("volume", "rm", "--force", "--all")


def typed(line: str, project: Path, station: Station, model: str) -> str:
    """Type a line of the document; model and machine are named in the environment."""
    variables = {
        **clones.environment(project),
        **station.variables,
        "EXP": model,
        "SET": station.settings(),
        "PATH": f"{ROOT / '.venv' / 'bin'}:{containers.PATHS}",
        "BENTOML_HOME": str(project.parent / "bentoml"),
    }
    done = subprocess.run(
        line, shell=True, cwd=project, env=variables, text=True, check=False, capture_output=True
    )
    assert done.returncode == 0, f"{line}\n{(done.stdout + done.stderr)[-5000:]}"
    return done.stdout


def test_the_commands_lead_from_training_to_production_and_back(
    project: Path, station: Station
) -> None:
    """Two models that are really trained; the second beats the first, and is taken back."""
    *there, back = BLOCK.splitlines()
    for line in there:
        told = typed(line, project, station, WORSE)
    assert "classifier version 1" in told
    client = served.Client(station.port)
    first = client.get("/info")["package"]

    for line in there:
        told = typed(line, project, station, BETTER)
    assert re.search(r"rollback to +version 1", told)
    assert client.get("/info")["package"] != first
    assert client.predict({"text": "the film is superb"})[0] == 200

    told = typed(back, project, station, BETTER)
    assert "version 1 is live in qa again" in told
    assert client.get("/info")["package"] == first
    assert "(complaints)" in typed("make status ENV=qa", project, station, BETTER)
