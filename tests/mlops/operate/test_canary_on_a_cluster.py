"""`make deploy STRATEGY=canary` on a cluster: kubectl, Gateway, Prometheus, an open-loop client.

One bad version is tried on each change, all else each night: a canary here takes 7 to 17 s of CPU.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path

import pytest

import clustered
import releases
import teams
from clustered import Place
from ml.config import Params
from mlops.core.errors import DeployError
from mlops.deployment import gateway, lease, mover, rollback, status
from mlops.deployment.kubernetes import CANDIDATE, Kubernetes
from mlops.operate.progressive import deploy
from mlops.pipeline.compose import asked
from mlops.release import images
from mlops.release.versions import history
from mlops.release.versions.history import DONE, UNDONE, Entry
from teams import Team

SETTINGS = {
    "canary.steps": "[50,100]",
    "canary.min_requests": "60",
    "canary.step_seconds": "30",
    "deploy.context": "mlops-qa",
    "deploy.gateway": "gateways/public/web",
    "deploy.start_seconds": "30",
}


@dataclass
class Stage:
    """A team, and the cluster where its version 1 is live."""

    team: Team
    place: Place
    settings: str

    @property
    def last(self) -> Entry:
        """The newest entry of the record."""
        return history.read(self.team.registry.notes()).entries[-1]

    @property
    def target(self) -> Kubernetes:
        """The cluster as a verb sees it."""
        return Kubernetes(asked())

    def try_canary(self, behaviour: str) -> None:
        """Deploy version 2, which behaves so, as a canary."""
        self.place.behave(self.team.version("2"), behaviour)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("VERSION", "2")
            patch.setenv("STRATEGY", "canary")
            deploy.main()

    def kill_a_judge(self) -> None:
        """Begin a canary of version 2 in a process of its own; kill that while it has traffic."""
        self.place.behave(self.team.version("2"))
        own = {"VERSION": "2", "STRATEGY": "canary", "PYTHONPATH": ":".join(sys.path)}
        judge = subprocess.Popen(
            [sys.executable, clustered.__file__],
            env={**os.environ, **own},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert judge.stderr
        seen = [*takewhile(lambda line: "gets 50 % of the requests" not in line, judge.stderr)]
        assert judge.poll() is None, seen
        judge.send_signal(signal.SIGKILL)
        judge.communicate()

    def pass_time(self) -> None:
        """Let the Lease and the deadline beside the weights be over, as after some minutes."""
        past = datetime.now(UTC) - timedelta(hours=2)
        kube = self.place.kube
        kube.patch(LEASE, {"spec": {"acquireTime": f"{past:%Y-%m-%dT%H:%M:%S.%fZ}"}})
        split = mover.read(kube.objects[ROUTE]["metadata"]["annotations"][gateway.BESIDE])
        beside = split.text.replace(split.deadline, past.isoformat())
        kube.patch(ROUTE, {"metadata": {"annotations": {gateway.BESIDE: beside}}})

    def assert_as_before(self) -> None:
        """Fail where something is left of a canary: weights, pods, an open record, the Lease."""
        kube = self.place.kube
        (rule,) = kube.objects[ROUTE]["spec"]["rules"]
        assert [one["name"] for one in rule["backendRefs"]] == ["model-server"]
        assert [
            o for o in kube.objects.values() if o["metadata"]["name"].startswith(CANDIDATE)
        ] == []
        assert kube.one("Lease", lease.NAME) is None
        assert self.last.what == UNDONE
        live = self.target.live()
        assert live
        assert live.version == "1"
        champion = self.team.registry.alias("champion")
        assert champion
        assert champion.number == "1"


NAMESPACED = "/apis/{}/namespaces/mlops/{}"
LEASE = NAMESPACED.format("coordination.k8s.io/v1", f"leases/{lease.NAME}")
ROUTE = NAMESPACED.format("gateway.networking.k8s.io/v1", "httproutes/model-server")


@pytest.fixture(name="shared", scope="module")
def _shared(
    tmp_path_factory: pytest.TempPathFactory,
    empty_store: Path,
    make_params: Callable[..., Params],
) -> Iterator[Stage]:
    """Version 1 is live in the cluster; version 2 was accepted against it."""
    folder = tmp_path_factory.mktemp("cluster")
    project = tmp_path_factory.mktemp("project")
    with (
        teams.team(project, empty_store, make_params, {}) as team,
        clustered.place(folder, "qa") as place,
        pytest.MonkeyPatch.context() as patch,
    ):
        settings = {**SETTINGS, "monitoring.prometheus": place.prometheus}
        stage = Stage(team, place, " ".join(f"{name}={value}" for name, value in settings.items()))
        patch.setenv("SET", stage.settings)
        patch.setenv("KUBECONFIG", str(folder / "config"))
        patch.setenv("KUBECACHEDIR", str(folder / "cache"))
        patch.setattr(images, "find", clustered.image)
        patch.setattr(gateway, "SETTLE", clustered.SETTLE)
        team.accept(releases.WEAK)
        place.behave(team.version("1"))
        deploy.main()
        team.accept(releases.GOOD)  # answers held-out rows as the stand-ins do
        yield stage


@pytest.fixture(name="stage")
def _stage(shared: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """That cluster, as the variables of a command name it."""
    monkeypatch.setenv("ENV", "qa")
    monkeypatch.setenv("SET", shared.settings)
    return shared


NIGHTLY = pytest.mark.nightly
BAD = [
    pytest.param("500", "errors", marks=pytest.mark.release),
    pytest.param("hanging", "answers: 0 of ", marks=NIGHTLY),
    pytest.param("crashing", "candidate-0 ended: CrashLoopBackOff", marks=NIGHTLY),
]


@pytest.mark.parametrize(("behaviour", "reason"), BAD)
def test_a_bad_canary_is_undone_without_a_person(stage: Stage, behaviour: str, reason: str) -> None:
    """It is on the record why, and no request is lost but those that it was given itself."""
    text = rf"({reason}).*version 1 is live as before"
    with stage.place.asked() as client, pytest.raises(DeployError, match=text):
        stage.try_canary(behaviour)

    stage.assert_as_before()
    assert client.failed.pop("version 1", 0) == 0
    own = client.failed.total()
    assert 0 < own < client.sent / 4
    assert client.sent == client.answered.total() + own


@pytest.mark.nightly
def test_a_killed_judge_leaves_no_canary_behind_the_next_verb(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """While its time lasts the next verb shows it; after that it undoes it."""
    with stage.place.asked() as client:
        stage.kill_a_judge()
        status.main()
        shown = capsys.readouterr().out
        stage.pass_time()
        status.main()

    assert "version 2 gets 50 % of the requests" in shown
    assert client.answered["version 2"] > 0
    assert client.failed.total() == 0
    stage.assert_as_before()
    assert stage.last.why == "it was interrupted"


@pytest.mark.nightly
def test_a_rollback_undoes_what_a_killed_judge_has_left_when_its_lease_is_deleted(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who does not want to wait ends the Lease, as docs/operate.md says."""
    with stage.place.asked() as client:
        stage.kill_a_judge()
        subprocess.run(
            ["kubectl", "--namespace", "mlops", "delete", "lease", lease.NAME], check=True
        )
        rollback.main()

    assert "the canary of version 2 is undone; 1 is live as before" in capsys.readouterr().out
    assert client.failed.total() == 0
    stage.assert_as_before()


@pytest.mark.nightly
def test_a_good_version_is_promoted(stage: Stage) -> None:
    """No request fails, all pods have it, and the record says what it was judged by."""
    with stage.place.asked() as client:
        stage.try_canary("differs")
        status.main()

    live = stage.target.live()
    assert live
    assert live.version == "2"
    assert len(live.pods) == 2
    assert stage.target.divided() is None
    assert stage.place.kube.one("Deployment", CANDIDATE) is None
    assert stage.last.what == DONE
    assert "held-out rows" in stage.last.why
    assert "50 %: errors: 0.00% of " in stage.last.why
    assert client.failed.total() == 0
    assert client.sent == client.answered.total()
