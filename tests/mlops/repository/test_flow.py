"""The guide's complete example, executed: feature branch, `qa`, `main`, a bad merge. Very slow.

GitLab's pipeline runs for each push, on the platform's servers, and deploys to podman.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import mlflow
import pytest

import ci_tools
import clones
import containers
import gitlab
import served
import stations
from local_platform.servers import Platform
from stations import Station

pytestmark = pytest.mark.nightly
NAME = "xlnet-mine"
EXPERIMENT = """
defaults:
  - override /model: xlnet
model:
  name: xlnet-classifier
  version: v3.0
  pretrained: null    # from scratch, and small
  revision: null
data:
  synthetic_rows: 16000
prepare:
  sample: 1.0
training:
  epochs: 4
"""
LOAD = "load_test.seconds=10 load_test.rate=5 load_test.max_p99_ms=5000.0"
ENVIRONMENTS = {"dev": ("dev",), "qa": ("qa", "staging"), "prod": ("prod", "live")}


@dataclass
class Team:
    """A clone with an origin, the servers, the machines that it deploys to, CI's variables."""

    project: Path
    platform: Platform
    station: dict[str, Station]
    variables: dict[str, dict[str, str]]
    pushes: int = 0
    before: dict[str, int] = field(default_factory=dict)

    def git(self, *words: str) -> str:
        """Run Git in the clone."""
        return clones.call(self.project, "git", *words)

    def change(self, message: str, experiment: str) -> None:
        """Commit an experiment."""
        path = self.project / "conf" / "experiment" / f"{NAME}.yaml"
        path.write_text(experiment)
        self.git("add", "conf")
        self.git("commit", "--quiet", "--message", message)

    def push(self, branch: str, *jobs: str) -> tuple[int, str]:
        """Push a branch, and run its pipeline as GitLab would, on a runner that knows nothing."""
        self.git("push", "--quiet", "origin", branch)
        self.pushes += 1
        runner = self.project.with_name(f"runner-{self.pushes}")
        origin = self.project.with_name("origin.git")
        self.git("clone", "--quiet", "--branch", branch, str(origin), str(runner))
        gitlab.variables(clones.lent(runner), self.variables)
        code, told = gitlab.run(runner)
        for job in jobs:  # what waits for an approval, approved
            if code == 0:
                code, more = gitlab.run(runner, job)
                told += more
        return code, told

    def runs(self) -> dict[str, int]:
        """Return how many runs the MLflow of each environment has got since the start."""
        found = {}
        for name in ENVIRONMENTS:
            with pytest.MonkeyPatch.context() as patch:
                for variable, value in self.platform.variables(name).items():
                    patch.setenv(variable, value)
                client = mlflow.MlflowClient(self.platform.variables(name)["MLFLOW_TRACKING_URI"])
                ids = [one.experiment_id for one in client.search_experiments()]
                found[name] = len(client.search_runs(ids)) - self.before.get(name, 0)
        return found

    def package(self, environment: str) -> str:
        """Return what the service of an environment tells of its content; nothing without one."""
        try:
            client = served.Client(self.station[environment].port)
            assert client.predict({"text": "the film is superb"})[0] == 200
            return str(client.get("/info")["package"])
        except OSError:
            return ""


@pytest.fixture(name="team", scope="module")
def _team(
    engine: containers.Engine, platform_base: Platform, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Team]:
    if lacking := gitlab.missing():
        pytest.skip(f"gitlab-ci-local needs {', '.join(lacking)}")
    assert engine.base
    ci_tools.installed()  # here: their programs name the folder that they were installed from
    platform_base.up()
    folder = tmp_path_factory.mktemp("flow")
    image = stations.proxy(engine, folder)
    station = {name: Station(engine, stations.four_ports(), image) for name in ENVIRONMENTS}
    told = variables(platform_base, station, folder)
    team = Team(clones.installed(folder / "project"), platform_base, station, told)
    origin = folder / "origin.git"
    team.git("init", "--quiet", "--bare", str(origin))
    team.git("remote", "set-url", "origin", str(origin))
    for branch in ("dev", "qa", "main"):
        if branch != "main":
            team.git("branch", "--force", branch)
        team.git("push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
    team.before = team.runs()
    yield team
    engine.podman("pod", "rm", "--force", "--all")
    engine.podman("volume", "rm", "--force", "--all")


def variables(
    platform: Platform, station: dict[str, Station], folder: Path
) -> dict[str, dict[str, str]]:
    """Return what the settings of CI hold for each of its environments."""
    found: dict[str, dict[str, str]] = {}
    for name, places in ENVIRONMENTS.items():
        machine = station[name]
        told = {
            **platform.variables(name),
            **machine.variables,
            "SET": f"{machine.settings()} {LOAD}",
            "SERVICE_URL": f"http://127.0.0.1:{machine.port}",
            "BENTOML_HOME": str(folder / "bentoml"),
            "BENTOML_DO_NOT_TRACK": "True",
        }
        found |= dict.fromkeys(places, told)
    return found


def feature(team: Team) -> None:
    """Push a branch with an experiment: it is trained in dev, and nothing is deployed."""
    team.git("checkout", "--quiet", "-b", "feature/xlnet-classifier", "dev")
    team.change("XLNet classifier", EXPERIMENT)
    code, told = team.push("feature/xlnet-classifier")

    assert code == 0, told[-5000:]
    assert {name: team.package(name) for name in ENVIRONMENTS} == {"dev": "", "qa": "", "prod": ""}
    assert team.runs() == {"dev": 1, "qa": 0, "prod": 0}


def staging(team: Team) -> None:
    """Merge it into qa: staging answers, prod does not."""
    merge(team, "feature/xlnet-classifier", "qa")
    code, told = team.push("qa")

    assert code == 0, told[-5000:]
    assert team.package("qa")
    assert team.package("prod") == ""
    assert team.runs() == {"dev": 1, "qa": 1, "prod": 0}


def release(team: Team) -> None:
    """Merge qa into main and tag it: after the approval prod answers."""
    merge(team, "qa", "main")
    team.git("tag", "--annotate", "v3.0", "--message", "XLNet classifier production release")
    team.git("push", "--quiet", "origin", "v3.0")
    code, told = team.push("main", "main-deploy")

    assert code == 0, told[-5000:]
    assert team.package("prod")
    assert team.runs() == {"dev": 1, "qa": 1, "prod": 1}
    assert "refs/tags/v3.0" in team.git("ls-remote", "--tags", "origin")


def test_the_branch_decides_what_is_trained_deployed_and_stopped(team: Team) -> None:
    """A worse model that is merged into main does not get there: the one before still answers."""
    feature(team)
    staging(team)
    release(team)
    live = team.package("prod")

    team.change(
        "Train less", EXPERIMENT.replace("epochs: 4", "epochs: 1\n  learning_rate: 1.0e-06")
    )
    code, told = team.push("main", "main-deploy")

    assert code != 0
    assert "is rejected" in told
    assert team.package("prod") == live


def merge(team: Team, source: str, target: str) -> None:
    """Merge a branch as the guide says."""
    team.git("checkout", "--quiet", target)
    team.git("merge", "--quiet", "--no-ff", "--no-edit", source)
