"""Deploying to a cluster: the real kubectl, against an API server in memory. Slow."""

import os
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import cluster
import releases
import served
import teams
from cluster import Cluster
from ml.config import Params
from mlops.core.errors import AuditError, DeployError, TrackingError
from mlops.deployment import deploy, lease, rollback, status
from mlops.release import images
from mlops.release.versions.registry import Registry, Version
from teams import Team

pytestmark = pytest.mark.release
IMAGE = "registry.example.com/team/classifier@sha256:"


@pytest.fixture(name="team", scope="module")
def _team(
    tmp_path_factory: pytest.TempPathFactory,
    empty_store: Path,
    make_params: Callable[..., Params],
) -> Iterator[Team]:
    """A project in qa with two accepted versions: the second against the first."""
    folder = tmp_path_factory.mktemp("project")
    with teams.team(folder, empty_store, make_params, {}) as team:
        first = team.accept(releases.WEAK)
        team.registry.point("champion", team.version(first))
        team.accept(releases.BETTER)
        yield team


@pytest.fixture(name="kube")
def _kube(team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """An empty cluster, and a registry whose record is empty."""
    monkeypatch.setenv("ENV", "qa")
    registry = team.registry
    for name in registry.notes():
        registry._client.delete_registered_model_tag(registry.name, name)
    for alias in ("champion", "challenger"):
        if registry.alias(alias):
            registry.forget(alias)
    registry.tag(team.version("2"), {"gate.against": str(team.version("1"))})
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("KUBECACHEDIR", str(tmp_path / "cache"))
    monkeypatch.setattr(images, "find", image)
    with cluster.running(tmp_path) as kube:
        for place in ("apis/keda.sh/v1alpha1", *(p for p in kube.kinds if "gateway" in p)):
            kube.kinds.pop(place)  # what not every cluster has
        for version in registry.versions():
            kube.serving[image(version)] = serving(version)
        yield kube


def image(version: Version, *_: Any) -> str:
    """Return the image of a version, as if it had been built."""
    return f"{IMAGE}{int(version.number):064d}"


def serving(version: Version, **changes: Any) -> cluster.Serving:
    """Return what a pod of a version answers."""
    told = {"model_sha256": version.tags["model.sha256"], "package": version.tags["bento"]}
    answers = {
        "/readyz": (200, {}),
        "/info": (200, told),
        "/predict": (200, {"label": "positive", "probabilities": {"positive": 0.9}}),
        **changes,
    }
    return lambda path, _body: answers[path]


def deployed(number: str) -> None:
    """Deploy a version."""
    os.environ["VERSION"] = number
    try:
        deploy.main()
    finally:
        del os.environ["VERSION"]


def rolled(kube: Cluster) -> list[str]:
    """Return the versions that the Deployment was given, in their order."""
    found = kube.one("Deployment")
    return [found["metadata"]["annotations"]["mlops/registered.version"]] if found else []


def test_a_version_goes_live_after_its_candidate_has_predicted(kube: Cluster, team: Team) -> None:
    """The candidate has none of the Service's labels, and goes; the alias moves."""
    deployed("1")

    candidate = next(
        n for n, one in enumerate(kube.asked) if one.endswith("model-server-candidate")
    )
    live = next(n for n, one in enumerate(kube.asked) if one.endswith("deployments/model-server"))
    assert candidate < live
    assert kube.one("Deployment", "model-server-candidate") is None
    assert rolled(kube) == ["1"]
    assert team.registry.alias("champion") == team.version("1")
    assert kube.one("Lease", lease.NAME) is None


def test_the_candidate_gets_no_traffic(kube: Cluster, team: Team) -> None:
    """While it is tried, the Service selects other pods alone."""
    deployed("1")
    seen: list[Any] = []

    def look(path: str, body: Any) -> cluster.Answer:
        pods = [one for one in kube.objects.values() if one["kind"] == "Pod"]
        service = kube.one("Service")
        assert service
        selector = service["spec"]["selector"].items()
        seen.append(
            [p["metadata"]["name"] for p in pods if selector <= p["metadata"]["labels"].items()]
        )
        return serving(team.version("2"))(path, body)

    kube.serving[image(team.version("2"))] = look
    deployed("2")

    assert sorted(seen[0]) == ["model-server-0", "model-server-1"]


def test_another_clusters_context_is_refused(
    kube: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is asked of a cluster that is not the environment's own."""
    monkeypatch.setenv("SET", "deploy.context=mlops-prod")

    with pytest.raises(DeployError, match=r"is mlops-qa, expected mlops-prod"):
        deployed("1")
    assert kube.asked == []


def test_without_a_context_what_runs_is_unknown(kube: Cluster, tmp_path: Path) -> None:
    """Something was deployed: nobody says that nothing is."""
    deployed("1")
    before = len(kube.asked)
    text = (tmp_path / "config").read_text()
    (tmp_path / "config").write_text(text.replace("current-context: mlops-qa\n", ""))

    with pytest.raises(DeployError, match=r"no current context.*`deploy\.target: podman`"):
        status.main()
    assert len(kube.asked) == before


BROKEN: dict[str, dict[str, Any]] = {
    "predict no label": {"/predict": (200, {"error": "?"})},
    "serves another model": {"/info": (200, {"model_sha256": "f" * 64, "package": "other"})},
    "fails to predict": {"/predict": (500, {})},
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_candidate_that_fails_its_test_changes_nothing(
    kube: Cluster, team: Team, broken: dict[str, Any]
) -> None:
    """The Deployment is never touched, the champion stays, and the reason is told."""
    deployed("1")
    kube.serving[image(team.version("2"))] = serving(team.version("2"), **broken)
    kube.asked.clear()

    with pytest.raises(DeployError, match=r"candidate-0 .*version 1 is live as before"):
        deployed("2")

    assert f"PATCH {DEPLOYMENT}" not in kube.asked[: kube.asked.index(f"DELETE {CANDIDATE}")]
    assert rolled(kube) == ["1"]
    assert team.registry.alias("champion") == team.version("1")
    assert kube.one("Deployment", "model-server-candidate") is None


def test_a_rollout_that_gets_stuck_is_undone(kube: Cluster, team: Team) -> None:
    """The cluster has no room for the new pods, say: the old manifests are applied again."""
    deployed("1")
    kube.stuck.add(image(team.version("2")))

    with pytest.raises(DeployError, match=r"exceeded its progress deadline.*version 1 is live"):
        deployed("2")

    assert rolled(kube) == ["1"]
    assert team.registry.alias("champion") == team.version("1")


def test_a_first_deployment_that_fails_leaves_nothing(kube: Cluster, team: Team) -> None:
    """No pods, no Service, no champion."""
    kube.stuck.add(image(team.version("1")))

    with pytest.raises(DeployError, match="nothing is live"):
        deployed("1")

    kinds = {one["kind"] for one in kube.objects.values()}
    assert kinds <= {"ConfigMap"}
    assert team.registry.alias("champion") is None


def test_a_terminated_deployment_is_undone(kube: Cluster, team: Team) -> None:
    """CI ends a job by SIGTERM."""
    deployed("1")

    def end(path: str, body: Any) -> cluster.Answer:
        os.kill(os.getpid(), signal.SIGTERM)
        return serving(team.version("2"))(path, body)

    kube.serving[image(team.version("2"))] = end
    with pytest.raises(DeployError, match="it was interrupted; classifier version 1 is live"):
        deployed("2")

    assert rolled(kube) == ["1"]
    status.main()


def test_a_registry_that_dies_during_the_switch_gives_the_traffic_back(
    kube: Cluster, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The alias cannot be moved, so the old version serves; the next command ends the record."""
    deployed("1")

    def down(*_: object) -> None:
        raise TrackingError("the MLflow store should be open, but is not")

    with monkeypatch.context() as patch:
        patch.setattr(Registry, "point", down)
        with pytest.raises(DeployError, match="undoing failed as well"):
            deployed("2")
    assert rolled(kube) == ["1"]

    deployed("2")
    assert rolled(kube) == ["2"]
    status.main()


def test_a_rollback_applies_what_was_live(
    kube: Cluster, team: Team, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same manifests as then, image and resources, whatever conf/ says now."""
    deployed("1")
    before = kube.one("Deployment")
    assert before
    deployed("2")
    monkeypatch.setenv("SET", "resources.memory_gb=9")

    rollback.main()

    after = kube.one("Deployment")
    assert after
    assert after["spec"] == before["spec"]
    with pytest.raises(DeployError, match="no version was live before this one; live were: 1, 2"):
        rollback.main()
    status.main()
    assert "rollback by" in capsys.readouterr().out


def test_two_deployments_at_once_are_refused(kube: Cluster) -> None:
    """The Lease tells who is at work, and until when."""
    kube.put(f"{LEASES}/{lease.NAME}", held(datetime.now(UTC)))

    with pytest.raises(DeployError, match="somebody@elsewhere is deploying since"):
        deployed("1")
    assert rolled(kube) == []


def test_the_lease_of_a_killed_deployment_runs_out(kube: Cluster) -> None:
    """After half an hour the next one takes it over."""
    kube.put(f"{LEASES}/{lease.NAME}", held(datetime.now(UTC) - timedelta(minutes=31)))

    deployed("1")
    assert rolled(kube) == ["1"]


def test_of_two_who_take_over_a_lease_one_is_refused(
    kube: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each names the version that it saw; the API server knows a newer one."""
    path = f"{LEASES}/{lease.NAME}"
    old = datetime.now(UTC) - timedelta(minutes=31)
    kube.put(path, held(old))
    mine = lease._lease(kube.objects[path])
    kube.put(path, held(old))
    monkeypatch.setattr(lease, "_lease", lambda _found: mine)

    with pytest.raises(DeployError, match="has been modified"):
        deployed("1")
    assert rolled(kube) == []


def test_a_cluster_that_is_down_is_told(
    team: Team, kube: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a sentence, before an image is built."""
    text = (tmp_path / "config").read_text()
    closed = f"127.0.0.1:{served.free_port()}"
    address = text.partition("server: http://")[2].splitlines()[0]
    (tmp_path / "config").write_text(text.replace(address, closed))
    monkeypatch.setattr(images, "find", None)

    with pytest.raises(DeployError, match=r"was refused.*the cluster of mlops-qa can be reached"):
        deployed("1")


def test_an_image_that_nobody_signed_is_not_deployed_by_ci(
    kube: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever verb ran before: the image that is about to run is the one that is checked."""
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("CI_PROJECT_URL", "https://gitlab.example.com/team/project")
    monkeypatch.setenv("CI_SERVER_URL", "https://gitlab.example.com")

    with pytest.raises(AuditError, match="cosign"):
        deployed("1")
    assert rolled(kube) == []


def test_status_tells_what_was_changed_by_hand(kube: Cluster, team: Team) -> None:
    """An alias that somebody moved, a Deployment that somebody applied."""
    deployed("1")
    status.main()
    team.registry.point("champion", team.version("2"))

    with pytest.raises(DeployError, match="version 1 has the traffic, version 2 is champion"):
        status.main()


def test_dev_deploys_nothing(monkeypatch: pytest.MonkeyPatch, team: Team) -> None:
    """In one sentence that says why."""
    monkeypatch.setenv("ENV", "dev")

    with pytest.raises(DeployError, match=r"dev deploys nothing: .*ENV=qa"):
        deploy.main()


def test_an_unknown_version_is_told(kube: Cluster) -> None:
    """With those that there are."""
    with pytest.raises(DeployError, match=r"no version 9 in qa\. Available: 2, 1"):
        deployed("9")


LEASES = "/apis/coordination.k8s.io/v1/namespaces/mlops/leases"
DEPLOYMENT = "/apis/apps/v1/namespaces/mlops/deployments/model-server"
CANDIDATE = f"{DEPLOYMENT}-candidate"


def held(since: datetime) -> dict[str, Any]:
    """Return the Lease of somebody else."""
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": lease.NAME, "namespace": "mlops"},
        "spec": {
            "holderIdentity": "somebody@elsewhere",
            "acquireTime": since.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "leaseDurationSeconds": 1800,
        },
    }
