"""Deploying to one machine with podman, for real: images, pods, traffic, rollback. Slow."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import containers
import loopback
import releases
import served
import stations
import teams
from common import ROOT
from ml.config import Params
from mlops.core.errors import DeployError, GateError
from mlops.deployment import deploy, rollback, status
from mlops.deployment.machine import pod_of
from mlops.deployment.podman import Podman
from mlops.deployment.traefik import proxy, traffic
from mlops.operate.progressive import deploy as progressive
from mlops.pipeline.compose import asked
from mlops.release import gate, register
from mlops.release.versions import history
from prometheus_server import prometheus
from stations import Station
from teams import Team

pytestmark = pytest.mark.release


@pytest.fixture(name="station", scope="module")
def _station(
    engine: containers.Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Station]:
    assert engine.base
    image = stations.proxy(engine, tmp_path_factory.mktemp("proxy"))
    yield Station(engine, stations.four_ports(), image)
    engine.podman("pod", "rm", "--force", "--all")


@pytest.fixture(name="team", scope="module")
def _team(
    station: Station,
    tmp_path_factory: pytest.TempPathFactory,
    empty_store: Path,
    make_params: Callable[..., Params],
) -> Iterator[Team]:
    """A project in qa, nothing deployed yet."""
    folder = tmp_path_factory.mktemp("project")
    variables = {**station.variables, "PATH": containers.PATHS}
    with teams.team(folder, empty_store, make_params, variables) as team:
        yield team


@pytest.fixture(autouse=True)
def _asked(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a person types after each verb."""
    monkeypatch.setenv("ENV", "qa")
    monkeypatch.setenv("SET", station.settings())


def live(team: Team) -> str:
    """Return which version answers, by what the service tells of its content."""
    package = served.Client(asked().deploy.port).get("/info")["package"]
    (version,) = team.registry.versions(bento=package)
    return version.number


def rejected(team: Team) -> None:
    """Try to deploy a model that the gate rejects."""
    team.train(releases.ONE_CLASS)
    register.main()
    with pytest.raises(GateError, match="is rejected"):
        gate.main()
    with pytest.raises(DeployError, match="the gate rejected it"):
        deploy.main()


def crashing(team: Team) -> None:
    """Try to deploy a good model whose pod has too little memory to start."""
    version = team.accept(releases.GOOD, resources={"memory_gb": 0.02})
    with pytest.raises(DeployError, match=r"ended: .* is live as before"):
        deploy.main()
    assert team.registry.alias("challenger") == team.registry.find(version)


def test_from_the_first_deployment_to_a_rollback_no_request_is_lost(
    team: Team,
    station: Station,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Deploy, deploy again, a rejected one, one that dies at its start, roll back: under load."""
    first = team.accept(releases.WEAK)
    deploy.main()
    assert live(team) == first

    with stations.load(station.port) as load:
        second = team.accept(releases.BETTER)
        deploy.main()
        assert live(team) == second

        rejected(team)
        crashing(team)
        assert live(team) == second
        assert team.registry.alias("champion") == team.registry.find(second)

        monkeypatch.setenv("WHY", "complaints")
        rollback.main()
        assert live(team) == first

    assert load.failed == []
    assert len(load.answered) == 2
    assert min(load.answered.values()) > 100
    status.main()
    told = capsys.readouterr().out
    assert "rollback by" in told
    assert "(complaints)" in told


def test_what_was_rolled_back_does_not_come_again_by_itself(team: Team) -> None:
    """The next push of the same commit registers and judges it again: rejected, and told why."""
    team.train(releases.BETTER)
    register.main()

    with pytest.raises(GateError, match=r"rolled back.*complaints"):
        gate.main()
    with pytest.raises(DeployError, match="rolled back"):
        deploy.main()


def test_a_rollback_leads_to_any_version_that_was_live(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TO names it; one that never was is refused, with those that were."""
    monkeypatch.setenv("TO", "2")
    rollback.main()
    assert live(team) == "2"

    monkeypatch.setenv("TO", "3")
    with pytest.raises(DeployError, match="version 3 was never live; live were: 1, 2"):
        rollback.main()
    assert live(team) == "2"


def test_a_killed_rollback_is_undone_by_the_next_command(team: Team) -> None:
    """Kill -9 after the new pod has started: what was live still answers, and stays."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mlops.deployment.rollback"],
        env={**os.environ, "TO": "1", "PYTHONPATH": str(ROOT / "src")},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    for line in process.stderr:
        if "starts, without traffic" in line:
            break
    process.kill()
    process.wait()

    assert live(team) == "2"
    with pytest.raises(DeployError, match=r"began a rollback of version 1.*not ended"):
        status.main()
    deploy.main()
    entries = history.read(team.registry.notes()).entries
    assert (entries[-1].what, entries[-1].why) == ("undone", "it was interrupted")
    assert live(team) == "2"
    status.main()


def test_a_live_pod_that_has_ended_is_started_again(team: Team, station: Station) -> None:
    """By the same command: it does not take the one that has ended for the one it has started."""
    name = traffic.named(Podman(asked())._volume.path)
    station.engine.podman("pod", "stop", "--time", "1", pod_of(name))

    deploy.main()

    assert live(team) == "2"
    status.main()


def test_two_deployments_at_once_are_refused(team: Team) -> None:
    """The second is told so; the first is not disturbed."""
    with Podman(asked()).lock(), pytest.raises(DeployError, match="another deployment is at work"):
        rollback.main()
    assert live(team) == "2"


def test_an_edited_record_is_told(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """Who rewrites what was deployed breaks the chain, which status tells with exit code 1."""
    registry = team.registry
    name, text = sorted(registry.notes().items())[0]
    registry.note(name, json.dumps({**json.loads(text), "who": "somebody else"}))

    with pytest.raises(DeployError, match="entry 1 is not the one"):
        status.main()
    registry.note(name, text)
    status.main()
    assert "entries, unchanged" in capsys.readouterr().out


def test_a_registry_that_is_down_changes_nothing(
    team: Team, station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image cannot be pushed: told before anything runs."""
    team.train(releases.GOOD)
    register.main()
    gate.main()
    closed = f"127.0.0.1:{served.free_port()}/team/classifier"
    monkeypatch.setenv("SET", station.settings(image=closed))

    with pytest.raises(DeployError, match="podman push"):
        deploy.main()
    assert live(team) == "2"


def test_a_canary_takes_over_step_by_step(
    team: Team, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real pods, proxy and Prometheus: no request is lost, and the record says what was found."""
    better = team.accept({**releases.GOOD, "good": 4.5})
    folder = Podman(asked())._volume.path
    metrics = station.port + proxy.METRICS
    with prometheus(tmp_path / "prometheus", loopback.scraped(folder, metrics)) as server:
        few = "canary.steps=[50,100] canary.min_requests=50 canary.step_seconds=120"
        monkeypatch.setenv("SET", f"{station.settings()} {few} monitoring.prometheus={server.url}")
        monkeypatch.setenv("STRATEGY", "canary")
        with stations.load(station.port) as load:
            progressive.main()

    assert load.failed == []
    assert live(team) == better
    entries = history.read(team.registry.notes()).entries
    assert (entries[-2].strategy, entries[-1].what) == ("canary", "done")
    assert "held-out rows are answered as when they were evaluated; 50 %:" in entries[-1].why
    status.main()
