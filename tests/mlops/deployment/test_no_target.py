"""Deploying where nothing can be deployed to: a laptop without a cluster, or without podman."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

import releases
import teams
from ml.config import Params
from mlops.core.errors import DeployError
from mlops.deployment import deploy, rollback, status
from teams import Team

PODMAN = (
    r"deploy on this machine: `deploy\.target: podman` in conf/env/qa\.yaml, or "
    r'SET="deploy\.target=podman"; that needs podman, a registry and the image of Traefik'
)


@pytest.fixture(name="team")
def _team(
    tmp_path: Path,
    empty_store: Path,
    make_params: Callable[..., Params],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Team]:
    """A project in qa in which nothing was deployed, and a PATH with little on it."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("git", "sh"):
        (programs / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(programs))
    with teams.team(tmp_path, empty_store, make_params, {}) as team:
        yield team


def kubectl(folder: Path) -> None:
    """Install a kubectl that knows no context, and notes what it was asked."""
    program = folder / "bin" / "kubectl"
    program.write_text("#!/bin/sh\necho $* >> asked\n")
    program.chmod(0o755)


@pytest.mark.parametrize("verb", [deploy, rollback], ids=["deploy", "rollback"])
@pytest.mark.parametrize(
    ("installed", "reason"),
    [
        (
            True,
            r"^kubectl has no current context\. Set it \(`kubectl config use-context mlops-qa`\)",
        ),
        (False, r"^kubectl is not on the PATH\. Install it"),
    ],
    ids=["no context", "no kubectl"],
)
def test_without_a_cluster_podman_is_named(
    verb: ModuleType, installed: bool, reason: str, team: Team
) -> None:
    """With what it needs and where it is set; the cluster is not even asked."""
    if installed:
        kubectl(team.folder)

    with pytest.raises(DeployError, match=f"{reason}.*, or {PODMAN}"):
        verb.main()
    asked = team.folder / "asked"
    assert not installed or asked.read_text().startswith("config view")
    assert not installed or asked.read_text().count("\n") == 1


@pytest.mark.parametrize("target", ["kubernetes", "podman"])
def test_status_says_that_nothing_is_deployed(
    target: str, team: Team, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing ever was: that no target can be reached is a line of the table, and no error."""
    monkeypatch.setenv("SET", f"deploy.target={target}")
    status.main()

    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["live"] == "nothing is deployed in qa"
    program = {"kubernetes": "kubectl"}.get(target, target)
    assert f"{program} is not on the PATH" in lines["target"]
    assert lines["record"] == "0 entries, unchanged"
    with pytest.raises(DeployError, match=f"{program} is not on the PATH"):
        rollback.main()


def test_a_champion_that_cannot_be_reached_is_an_error(team: Team) -> None:
    """Somebody has made it live: the table would be a guess."""
    team.accept(releases.WEAK)
    team.registry.point("champion", team.version("1"))

    with pytest.raises(DeployError, match="kubectl is not on the PATH"):
        status.main()
