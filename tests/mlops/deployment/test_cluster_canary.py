"""Two versions in a cluster: the real kubectl and a real Gateway before processes on loopback.

Not here: scheduling, and the controllers of Deployments and autoscalers: `cluster` stands for them.
"""

import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from test_manifests import GATEWAY, RELEASE

import cluster
import locked
import pods
import stations
from cluster import Cluster
from common import ROOT
from ml.config import Params
from mlops.core.errors import DeployError
from mlops.deployment import gateway, lease, manifests, smoke_test
from mlops.deployment.kubernetes import CANDIDATE, Kubernetes
from mlops.deployment.mover import Rule, Split

pytestmark = pytest.mark.release
ROUTE = f"{pods.GATEWAY}/namespaces/mlops/httproutes/model-server"
DEPLOYMENT = "/apis/apps/v1/namespaces/mlops/deployments/model-server"
SCALER = "/apis/autoscaling/v2/namespaces/mlops/horizontalpodautoscalers/model-server"
Make = Callable[..., Params]


@dataclass
class Place:
    """A cluster with a Gateway, its client, and the manifests of two releases."""

    kube: Cluster
    target: Kubernetes
    port: int
    texts: tuple[str, str]

    def served(self, requests: int = 200, **headers: str) -> Counter[str]:
        """Ask through the Gateway; return how many requests each version answered."""
        url = f"http://127.0.0.1:{self.port}/predict"
        found: Counter[str] = Counter()
        for _ in range(requests):
            request = urllib.request.Request(url, stations.BODY.encode(), headers=headers)
            with urllib.request.urlopen(request, timeout=10) as answer:
                found[number(answer.headers["X-Served-By"])] += 1
        return found

    def replicas(self, name: str) -> int:
        """Return how many pods a Deployment has."""
        prefix = f"{cluster.PODS}/{name}-"
        return sum(p.removeprefix(prefix).isdigit() for p in self.kube.objects)


def image(version: str) -> str:
    """Return the image of a version, as if it had been built."""
    return f"registry.example.com/team/classifier@sha256:{int(version):064d}"


def number(image: str) -> str:
    """Return the version of an image."""
    return str(int(image.rpartition(":")[2]))


def split(weight: int, **changes: Any) -> Split:
    """Return a canary's share of the requests."""
    now = datetime.now(UTC)
    deadline = (now + timedelta(minutes=50)).isoformat()
    return replace(Split("canary", "2", weight, now.isoformat(), deadline), **changes)


@pytest.fixture(name="place", scope="module")
def _place(tmp_path_factory: pytest.TempPathFactory, make_params: Make) -> Iterator[Place]:
    """A cluster where version 1 is live, with four pods as an autoscaler has set."""
    folder = tmp_path_factory.mktemp("cluster")
    deploy = {"gateway": GATEWAY, "context": "mlops-qa", "start_seconds": 20}
    params = make_params(environment="prod", deploy=deploy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gateway, "SETTLE", 0.5)  # this Traefik takes up changes each 0.1 s
        patch.setenv("KUBECONFIG", str(folder / "config"))
        patch.setenv("KUBECACHEDIR", str(folder / "cache"))
        patch.chdir(ROOT)
        one, two = (
            manifests.render(replace(RELEASE, image=image(n), registered=n), params) for n in "12"
        )
        with cluster.running(folder) as kube, pods.processes() as kube.runner:
            traefik = locked.installed("traefik") / "traefik"
            with pods.traefik(traefik, kube, folder) as port:
                place = Place(kube, Kubernetes(params), port, (one, two))
                place.target.start(one)
                place.target.switch(one)
                place.target.finish()
                kube.patch(DEPLOYMENT, {"spec": {"replicas": 4}})
                yield place


@pytest.fixture(name="canary")
def _canary(place: Place) -> Iterator[Place]:
    """That cluster while a deployment holds its Lease and a candidate has started."""
    with place.target.lock():
        smoke_test.ready(place.target.start(place.texts[1]), 30)
        yield place
        place.target.back(place.texts[0])


def test_requests_are_divided_by_weight_and_pods_as_the_requests(canary: Place) -> None:
    """None are lost while weights change, nor when all are taken back from the second version."""
    found = {}
    with stations.load(canary.port) as load:
        for weight in (5, 25, 100, 0):
            canary.target.split(canary.texts[1], split(weight))
            found[weight] = (canary.served()["2"], canary.replicas(CANDIDATE))
        canary.target.split(canary.texts[1], split(25))
        canary.target.back(canary.texts[0])
        after = canary.served()

    assert {weight: pods for weight, (_, pods) in found.items()} == {5: 1, 25: 1, 100: 4, 0: 1}
    assert all(abs(asked - 2 * weight) <= 4 for weight, (asked, _) in found.items()), found
    assert found[100][0] == 200
    assert found[0][0] == 0
    assert after == {"1": 200}
    assert load.failed == []
    assert sum(load.answered.values()) > 200


def test_taking_all_back_leaves_nothing_of_the_second_version(canary: Place) -> None:
    """Neither pods, nor a Service, nor what stood beside the weights."""
    canary.target.split(canary.texts[1], split(5))
    assert canary.target.divided() is not None
    canary.target.back(canary.texts[0])

    route = canary.kube.objects[ROUTE]
    assert canary.target.divided() is None
    assert [b["name"] for b in route["spec"]["rules"][0]["backendRefs"]] == ["model-server"]
    assert gateway.BESIDE not in route["metadata"]["annotations"]
    assert [o["metadata"]["name"] for o in canary.kube.objects.values()
            if o["metadata"]["name"].startswith(CANDIDATE)] == []  # fmt: skip


def test_a_promotion_loses_no_request(canary: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The candidate answers all of them while the Deployment is rolled, then that one does."""
    run, weights = canary.kube.runner, []
    assert run

    def start(image: str, name: str) -> int:
        time.sleep(0.5)  # as a pod takes a while; whoever does not wait for it is ahead of it
        backends = canary.kube.objects[ROUTE]["spec"]["rules"][0]["backendRefs"]
        weights.append((name, [one["weight"] for one in backends]))
        return run.start(image, name)

    with stations.load(canary.port) as load:
        canary.target.split(canary.texts[1], split(100))
        assert canary.served(20) == {"2": 20}
        before = load.answered[image("1")]
        monkeypatch.setattr(canary.kube, "runner", SimpleNamespace(start=start, stop=run.stop))
        canary.target.switch(canary.texts[1])
        canary.target.finish()
        after = canary.served()

    assert after == {"2": 200}
    assert load.answered[image("1")] == before
    assert weights == [(f"model-server-{n}", [0, 100]) for n in range(4)]
    assert load.failed == []
    assert canary.replicas("model-server") == 4
    assert canary.replicas(CANDIDATE) == 0
    assert canary.target.divided() is None


def test_a_callers_key_decides_whatever_the_weight(canary: Place) -> None:
    """A header that matches goes to one version; who sends none is divided by weight."""
    rules = (Rule("X-Unit", "^[0-7]", second=True), Rule("X-Unit", "^[89a-f]", second=False))
    canary.target.split(canary.texts[1], split(25, role="ab", rules=rules))

    assert canary.served(40, **{"X-Unit": "3c"}) == {"2": 40}
    assert canary.served(40, **{"X-Unit": "e1"}) == {"1": 40}
    assert canary.served(40) == {"1": 30, "2": 10}
    divided = canary.target.divided()
    assert divided
    assert divided.rules == rules


def test_the_lease_lasts_as_long_as_the_weights_may(canary: Place) -> None:
    """Nobody else deploys meanwhile; a shorter deadline shortens nothing."""
    far = (datetime.now(UTC) + timedelta(hours=3)).isoformat()
    canary.target.split(canary.texts[1], split(5, deadline=far))
    canary.target.split(canary.texts[1], split(5))

    held = canary.kube.one("Lease", lease.NAME)
    assert held
    assert 3 * 3600 - 60 < held["spec"]["leaseDurationSeconds"] < 3 * 3600 + 60


def test_prometheus_can_tell_both_versions_apart(canary: Place) -> None:
    """By the number that is registered, and by the role that the pods are labelled with."""
    live, second = canary.target.arms()
    roles = {
        one["metadata"]["labels"]["mlops/role"]
        for path, one in canary.kube.objects.items()
        if path.startswith(f"{cluster.PODS}/{CANDIDATE}")
    }

    assert (live.version, second.version, roles) == ("1", "2", {"canary"})
    assert live.pods == 'environment="prod",role="live",service_version="1"'
    assert second.pods == 'environment="prod",role="canary",service_version="2"'


def test_what_a_cluster_cannot_divide_is_refused(canary: Place) -> None:
    """Copies of requests, which gateways need not make; requests that come past any Gateway."""
    found = yaml.safe_load_all(canary.texts[1])
    bare = yaml.safe_dump_all(one for one in found if one["kind"] != "HTTPRoute")

    with pytest.raises(DeployError, match="no version a copy of the requests"):
        canary.target.split(canary.texts[1], split(100, role="shadow"))
    with pytest.raises(DeployError, match=r"deploy\.gateway names none"):
        canary.target.split(bare, split(5))
    assert canary.served(20) == {"1": 20}


def test_a_candidate_that_is_gone_gets_nothing(canary: Place) -> None:
    """Its share of the requests would be lost."""
    canary.target.finish()

    with pytest.raises(DeployError, match="is gone"):
        canary.target.split(canary.texts[1], split(5))
    assert canary.served(20) == {"1": 20}


def test_a_gateway_that_does_not_follow_is_told(
    canary: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what its controller says of the route, within deploy.start_seconds."""
    monkeypatch.setattr(canary.target._route, "_seconds", 1)
    lost = yaml.safe_load(yaml.safe_dump(gateway.of(canary.texts[1])))
    lost["spec"]["rules"][0]["backendRefs"][0]["name"] = "nobody"

    with pytest.raises(DeployError, match=r'ResolvedRefs is False: .*"nobody" not found'):
        canary.target._route.apply(lost)


def test_a_manifest_without_a_route_removes_it(canary: Place) -> None:
    """Whoever takes deploy.gateway away leads to the Service by something else."""
    found = yaml.safe_load_all(canary.texts[0])
    canary.target.back(yaml.safe_dump_all(one for one in found if one["kind"] != "HTTPRoute"))

    assert canary.kube.one("HTTPRoute") is None


def test_one_autoscaler_is_left_after_each_change(canary: Place, make_params: Make) -> None:
    """KEDA's goes, with the one that it owns, before the CPU's is applied; and the other way."""
    release = replace(RELEASE, image=image("1"), registered="1")
    keda = manifests.render(
        release, make_params(environment="prod", deploy={"autoscaler": "keda", "gateway": GATEWAY})
    )
    kube = canary.kube
    canary.target.back(keda)
    assert kube.one("ScaledObject")
    kube.delete(SCALER)  # as KEDA has made it its own, of the same name
    kube.asked.clear()
    canary.target.back(canary.texts[0])

    gone = next(n for n, one in enumerate(kube.asked) if one.startswith("DELETE /apis/keda.sh/"))
    assert gone < kube.asked.index(f"PATCH {SCALER}")
    assert kube.one("ScaledObject") is None
    assert kube.one("HorizontalPodAutoscaler")
