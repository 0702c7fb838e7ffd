"""Rules of mlops.deployment: what is rendered, and what is refused."""

import difflib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from common import ROOT
from ml.config import Params
from mlops.core.errors import DeployError
from mlops.deployment import checks, kubernetes, links, manifests
from mlops.deployment.manifests import Release
from mlops.serving import asgi, predictor

DIGEST = f"sha256:{'a' * 64}"
RELEASE = Release(
    f"registry.example.com:5000/team/classifier@{DIGEST}", "3", "b" * 64, "c0ffee", 1764374400
)
GATEWAY = "gateways/public/web"
Make = Callable[..., Params]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project whose manifests may be broken."""
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    monkeypatch.chdir(tmp_path)


def documents(text: str) -> dict[str, Any]:
    """Return the documents by their kind."""
    return {one["kind"]: one for one in yaml.safe_load_all(text)}


def change(name: str, old: str, new: str) -> None:
    """Put something else into a file of the manifests."""
    path = manifests.MANIFESTS / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize("environment", ["qa", "prod"])
def test_the_manifests_of_an_environment_hold_together(make_params: Make, environment: str) -> None:
    """Nothing is found wrong, and all is in one namespace."""
    params = make_params(environment=environment)
    text = manifests.render(RELEASE, params)

    assert checks.problems(text, params.serving) == []
    assert {one["metadata"]["namespace"] for one in documents(text).values()} == {"mlops"}


def test_the_same_release_gives_the_same_text(make_params: Make) -> None:
    """Wherever it is rendered, and nothing of that place stands in it."""
    first = manifests.render(RELEASE, make_params(environment="prod"))

    assert manifests.render(RELEASE, make_params(environment="prod")) == first
    assert str(Path.cwd()) not in first
    assert "/manifests-" not in first


def test_environments_differ_only_where_meant(make_params: Make) -> None:
    """In the label that names them, and in who counts the pods."""
    qa, prod = (
        documents(manifests.render(RELEASE, make_params(environment=name)))
        for name in ("qa", "prod")
    )
    scaler = prod.pop("HorizontalPodAutoscaler")
    one, other = (yaml.safe_dump(found).splitlines() for found in (qa, prod))
    differs = {
        line.replace(" ", "")
        for line in difflib.unified_diff(one, other, n=0, lineterm="")
        if not line.startswith(("---", "+++", "@@"))
    }

    assert scaler["spec"]["minReplicas"] > 1
    assert differs == {
        "-app.kubernetes.io/instance:qa",
        "+app.kubernetes.io/instance:prod",
        "-replicas:2",
    }


def test_a_release_can_be_traced_back(make_params: Make) -> None:
    """From the Deployment and from each pod to model, registered version and commit."""
    params = make_params(environment="qa")
    deployment = documents(manifests.render(RELEASE, params))["Deployment"]
    origin = {
        "mlops/model.name": params.model.name,
        "mlops/model.version": params.model.version,
        "mlops/model.sha256": "b" * 64,
        "mlops/registered.version": "3",
        "mlops/git.commit": "c0ffee",
    }
    for part in (deployment, deployment["spec"]["template"]):
        assert part["metadata"]["annotations"].items() >= origin.items()
        assert part["metadata"]["labels"]["app.kubernetes.io/version"] == "3"


def test_the_service_is_told_its_registered_version(make_params: Make) -> None:
    """On a cluster, for its candidate, and on one machine: it counts by this version."""
    text = manifests.render(RELEASE, make_params(environment="prod"))
    for one in (text, kubernetes.candidate(text), manifests.one_machine(text, 8081)):
        (container,) = documents(one)["Deployment"]["spec"]["template"]["spec"]["containers"]
        assert {one["name"]: one["value"] for one in container["env"]} == {
            predictor.VERSION: "3",
            predictor.CREATED: "1764374400",
        }


def test_strange_names_stay_text(make_params: Make) -> None:
    """What a person calls a model is no label, no number and no YAML."""
    name = '- a: "b" # ${x}'
    params = make_params(environment="qa", model={"name": name, "version": "1.0"})
    text = manifests.render(Release(RELEASE.image, "12", "1" * 64, "1234567"), params)

    found = documents(text)["Deployment"]["metadata"]["annotations"]
    assert found["mlops/model.name"] == name
    assert found["mlops/model.version"] == "1.0"
    assert found["mlops/git.commit"] == "1234567"


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        ({"memory_gb": 2, "cpu_cores": 1}, {"memory": "2048Mi", "cpu": "1"}),
        ({"memory_gb": 0.3, "cpu_cores": 4}, {"memory": "308Mi", "cpu": "4"}),
    ],
)
def test_resources_are_the_configurations(
    make_params: Make, needs: dict[str, Any], expected: dict[str, str]
) -> None:
    """What is asked for is also the limit: a pod keeps what it was measured with."""
    text = manifests.render(RELEASE, make_params(environment="qa", resources=needs))
    (container,) = documents(text)["Deployment"]["spec"]["template"]["spec"]["containers"]

    assert container["resources"] == {"requests": expected, "limits": expected}


def test_a_service_on_a_gpu_asks_for_one(make_params: Make) -> None:
    """Kubernetes gives none that is not asked for."""
    text = manifests.render(
        RELEASE, make_params(environment="qa", serving={"device": "cuda"}, export={"gpu": True})
    )
    (container,) = documents(text)["Deployment"]["spec"]["template"]["spec"]["containers"]

    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"


@pytest.mark.parametrize("timeout", [1.0, 10.0, 600.0])
def test_a_pod_has_time_to_answer_what_it_accepted(make_params: Make, timeout: float) -> None:
    """However long the configuration lets a request take."""
    params = make_params(environment="qa", serving={"timeout": timeout})
    pod = documents(manifests.render(RELEASE, params))["Deployment"]["spec"]["template"]["spec"]
    waits = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]

    assert pod["terminationGracePeriodSeconds"] > waits + 3 * timeout


def test_the_service_answers_what_is_asked_of_it() -> None:
    """The paths of the probes and of Prometheus are the service's own."""
    deployment = yaml.safe_load(Path("deploy/k8s/base/deployment.yaml").read_text())
    scraped = deployment["spec"]["template"]["metadata"]["annotations"]["prometheus.io/path"]

    assert set(links.PROBES.values()) <= set(asgi.BENTOML)
    assert scraped in asgi.METHODS


@pytest.mark.parametrize(
    "image",
    [
        "model-server",
        "registry.example.com/classifier:latest",
        f"registry.example.com/classifier:v1@{DIGEST}",
        f"classifier@{DIGEST}",
        "registry.example.com/classifier@sha256:abc",
        f"registry.example.com/classifier@{DIGEST}\n",
        "",
    ],
)
def test_an_image_without_a_digest_is_refused(make_params: Make, image: str) -> None:
    """A tag can be moved: what was tested would not be what runs."""
    with pytest.raises(DeployError, match="digest"):
        manifests.render(Release(image, "3", "b" * 64, "c0ffee"), make_params(environment="qa"))


def test_dev_is_not_deployed(make_params: Make) -> None:
    """It has no overlay, and the refusal says which have."""
    with pytest.raises(DeployError, match="only qa and prod"):
        manifests.render(RELEASE, make_params(environment="dev"))


def test_without_kubectl_the_error_says_what_to_install(
    make_params: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence."""
    monkeypatch.setitem(os.environ, "PATH", "")

    with pytest.raises(DeployError, match="kubectl"):
        manifests.render(RELEASE, make_params(environment="qa"))


def test_what_kustomize_refuses_is_told(make_params: Make) -> None:
    """With the file as the project knows it, not as it lay in a temporary folder."""
    change("base/kustomization.yaml", "  - service.yaml\n", "  - nothing.yaml\n")

    with pytest.raises(DeployError, match=r"deploy/k8s.*nothing\.yaml") as error:
        manifests.render(RELEASE, make_params(environment="qa"))
    assert "/manifests-" not in str(error.value)


BROKEN = [
    ("base/deployment.yaml", "matchLabels:\n      app.kubernetes.io/name: model-server",
     "matchLabels:\n      app.kubernetes.io/name: other", "Deployment selects"),
    ("base/service.yaml", "name: model-server\n  ports", "name: other\n  ports", "Service selects"),
    ("base/poddisruptionbudget.yaml", "name: model-server", "name: other", "Budget selects"),
    ("base/networkpolicy.yaml", "      app.kubernetes.io/name: model-server",
     "      app: other", "NetworkPolicy selects"),
    ("base/service.yaml", "targetPort: http", "targetPort: 8080", "Service leads"),
    ("base/service.yaml", "targetPort: http", "targetPort: web", "Service leads"),
    ("base/service.yaml", "      targetPort: http\n", "", "leads to the port 80,"),
    ("base/deployment.yaml", "containerPort: 3000", "containerPort: 5000", "the port 3000 alone"),
    ("base/deployment.yaml", "path: /livez", "path: /alive", "livenessProbe"),
    ("base/deployment.yaml", "path: /livez, port: http", "path: /livez, port: 80", "livenessProbe"),
    ("base/deployment.yaml", "readinessProbe:", "readinessprobe:", "readinessProbe"),
    ("base/networkpolicy.yaml", "egress: []", "egress: [{}]", "lets out to everywhere"),
    ("base/networkpolicy.yaml", "    - ports:\n        - protocol: TCP\n          port: 3000",
     "    - {}", "lets in to"),
    ("base/service.yaml", "name: model-server\nspec", "name: Model_Server\nspec", "small letters"),
    ("base/deployment.yaml", "component: serving", "component: serving!", "label"),
    ("base/networkpolicy.yaml", "port: 3000", "port: 80", "NetworkPolicy lets in"),
    ("base/networkpolicy.yaml", "  policyTypes: [Ingress, Egress]", "  policyTypes: [Ingress]",
     "NetworkPolicy"),
    ("base/deployment.yaml", "sleep: {seconds: 10}", "sleep: {seconds: 40}", "terminationGrace"),
    ("base/deployment.yaml", "          lifecycle:", "          x:", "preStop"),
    ("base/deployment.yaml", "maxUnavailable: 0", "maxUnavailable: 1", "maxUnavailable"),
    ("base/poddisruptionbudget.yaml", "maxUnavailable: 1", "maxUnavailable: 0", "disruption of"),
    ("base/poddisruptionbudget.yaml", "maxUnavailable: 1", "maxUnavailable: 3", "disruption of"),
    ("base/poddisruptionbudget.yaml", "maxUnavailable: 1", "minAvailable: 3", "disruption of"),
    ("prod/horizontalpodautoscaler.yaml", "minReplicas: 3", "minReplicas: 11", "minReplicas"),
    ("prod/horizontalpodautoscaler.yaml", "minReplicas: 3", "minReplicas: 0", "minReplicas"),
    ("prod/horizontalpodautoscaler.yaml", "name: model-server\n  minR", "name: other\n  minR",
     "expected the Deployment"),
    ("prod/horizontalpodautoscaler.yaml", "averageUtilization: 70", "averageUtilization: 100",
     "averageUtilization"),
    ("base/deployment.yaml", "spec:\n  # No", "spec:\n  replicas: 2\n  # No", "has replicas"),
    ("base/deployment.yaml", "image: model-server", "image: server", "pinned by its digest"),
    ("base/deployment.yaml", "      containers:", "      initContainers:\n        - name: first\n"
     "          image: busybox:1\n      containers:", "pinned by its digest"),
    ("base/kustomization.yaml", "namespace: mlops", "namespace: default", "namespace"),
    ("base/kustomization.yaml", "  - networkpolicy.yaml\n", "", "NetworkPolicy is needed"),
    ("base/kustomization.yaml", "=/tmp/bentoml", "=/home/bentoml", "emptyDir"),
    ("base/deployment.yaml", "mountPath: /tmp", "mountPath: /var/tmp", "emptyDir"),
    ("base/deployment.yaml", "- configMapRef:\n                name: model-server",
     "- configMapRef:\n                name: other", "ConfigMap that is rendered"),
    ("gateway/httproute.yaml", "port: 80", "port: 3000", "HTTPRoute leads to"),
    ("gateway/httproute.yaml", "- name: model-server", "- name: other", "HTTPRoute leads to"),
    ("gateway/httproute.yaml",
     "    - matches:\n        - path: {type: PathPrefix, value: /}\n      back", "    - back",
     "has no matches"),
]  # fmt: skip
KEDA = [
    ("keda/scaledobject.yaml", "minReplicaCount: 3", "minReplicaCount: 0", "at least 1"),
    ("keda/scaledobject.yaml", "minReplicaCount: 3", "minReplicaCount: 10", "at least 1"),
    ("keda/scaledobject.yaml", "  pollingI", "  idleReplicaCount: 0\n  pollingI", "idleReplica"),
    ("keda/scaledobject.yaml", "replicas: 6", "replicas: 1", r"fallback\.replicas"),
    ("keda/scaledobject.yaml", 'ignoreNullValues: "false"', 'ignoreNullValues: "true"', "lost"),
    ("keda/scaledobject.yaml", '        ignoreNullValues: "false"', "", "lost Prometheus"),
    ("keda/scaledobject.yaml", "scaleTargetRef:\n    name: model-server",
     "scaleTargetRef:\n    name: other", "expected the Deployment"),
    ("keda/scaledobject.yaml", 'hpa-ownership: "true"', 'hpa-ownership: "false"', "take over"),
    ("keda/scaledobject.yaml", "Config:\n      name: model-server", "Config:\n      name: other",
     "take over"),
    ("keda/kustomization.yaml", "$patch: delete", "# kept", "count the same pods"),
    ("keda/kustomization.yaml", "replicas: null", "replicas: 2", "Deployment has replicas"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "told"), BROKEN)
def test_a_broken_manifest_is_refused(
    make_params: Make, name: str, old: str, new: str, told: str
) -> None:
    """Each is valid YAML of which something would not work, or not safely."""
    change(name, old, new)

    with pytest.raises(DeployError, match=told):
        manifests.render(RELEASE, make_params(environment="prod", deploy={"gateway": GATEWAY}))


@pytest.mark.parametrize(("name", "old", "new", "told"), KEDA)
def test_a_broken_autoscaler_is_refused(
    make_params: Make, name: str, old: str, new: str, told: str
) -> None:
    """KEDA would scale another, to nothing, on no measurement, or against a second one."""
    change(name, old, new)

    with pytest.raises(DeployError, match=told):
        manifests.render(RELEASE, make_params(environment="prod", deploy={"autoscaler": "keda"}))


def test_a_route_without_a_gateway_is_refused(make_params: Make) -> None:
    """It would wait for a controller for ever."""
    params = make_params(environment="qa", deploy={"gateway": GATEWAY})
    found = list(yaml.safe_load_all(manifests.render(RELEASE, params)))
    (route,) = (one for one in found if one["kind"] == "HTTPRoute")
    del route["spec"]["parentRefs"]

    (wrong,) = checks.problems(yaml.safe_dump_all(found), params.serving)
    assert "set deploy.gateway" in wrong


@pytest.mark.parametrize(
    ("gateway", "parent"),
    [
        ("gateways/public", {"namespace": "gateways", "name": "public"}),
        (GATEWAY, {"namespace": "gateways", "name": "public", "sectionName": "web"}),
    ],
)
def test_a_gateway_leads_to_the_service(
    make_params: Make, gateway: str, parent: dict[str, str]
) -> None:
    """The cluster's own, by its namespace, name and listener; without one there is no route."""
    found = documents(
        manifests.render(RELEASE, make_params(environment="prod", deploy={"gateway": gateway}))
    )

    assert found["HTTPRoute"]["spec"]["parentRefs"] == [parent]
    assert "HTTPRoute" not in documents(manifests.render(RELEASE, make_params(environment="prod")))


@pytest.mark.parametrize("environment", ["qa", "prod"])
def test_one_autoscaler_counts_the_pods(make_params: Make, environment: str) -> None:
    """KEDA's has the bounds of the CPU's, and what may be busy is that of all threads of a pod."""
    keda = {"autoscaler": "keda", "busy_threads": 0.6}
    params = make_params(environment=environment, deploy=keda, serving={"workers": 4})
    found = documents(manifests.render(RELEASE, params))
    cpu = documents(manifests.render(RELEASE, make_params(environment="prod")))
    spec, other = found["ScaledObject"]["spec"], cpu["HorizontalPodAutoscaler"]["spec"]

    assert "HorizontalPodAutoscaler" not in found
    assert "ScaledObject" not in cpu
    assert "replicas" not in found["Deployment"]["spec"]
    assert spec["triggers"][0]["metadata"]["threshold"] == "2.4"
    assert [spec["minReplicaCount"], spec["maxReplicaCount"]] == [
        other["minReplicas"], other["maxReplicas"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "limit"), [("2", "1"), ("1500m", "1"), (None, "1"), ("1", None), ("1x", "2")]
)
def test_a_limit_below_the_request_is_found(
    make_params: Make, asked: str | None, limit: str | None
) -> None:
    """In whichever unit, and none at all."""
    params = make_params(environment="qa")
    found = list(yaml.safe_load_all(manifests.render(RELEASE, params)))
    (deployment,) = (one for one in found if one["kind"] == "Deployment")
    resources = deployment["spec"]["template"]["spec"]["containers"][0]["resources"]
    resources["requests"]["cpu"], resources["limits"]["cpu"] = asked, limit

    assert checks.problems(yaml.safe_dump_all(found), params.serving)[0].startswith("cpu")


def test_one_machine_runs_the_same_pod(make_params: Make) -> None:
    """One, published where it is told; image, limits, rights and origin stay the same."""
    text = manifests.render(RELEASE, make_params(environment="prod"))
    whole, part = documents(text), documents(manifests.one_machine(text, 3001, "blue"))
    spec = part["Deployment"]["spec"]
    (here,), (there,) = (
        one["Deployment"]["spec"]["template"]["spec"]["containers"] for one in (part, whole)
    )
    same = ("image", "resources", "securityContext", "envFrom")

    assert set(part) == {"ConfigMap", "Deployment"}
    assert (part["Deployment"]["metadata"]["name"], spec["replicas"]) == ("blue", 1)
    assert here["ports"] == [
        {"name": "http", "containerPort": 3000, "hostPort": 3001, "hostIP": "127.0.0.1"}
    ]
    assert {name: here[name] for name in same} == {name: there[name] for name in same}
    assert spec["template"]["metadata"] == whole["Deployment"]["spec"]["template"]["metadata"]
    assert part["ConfigMap"] == whole["ConfigMap"]


def test_two_releases_on_one_machine_share_no_files(make_params: Make) -> None:
    """Podman takes an emptyDir's name for that of a volume of the whole machine."""
    text = manifests.render(RELEASE, make_params(environment="prod"))
    pods = [
        documents(manifests.one_machine(text, 3001, name))["Deployment"]["spec"]["template"]["spec"]
        for name in ("blue", "green")
    ]
    volumes = [{one["name"] for one in pod["volumes"]} for pod in pods]

    assert volumes[0].isdisjoint(volumes[1])
    for pod, named in zip(pods, volumes, strict=True):
        assert {one["name"] for one in pod["containers"][0]["volumeMounts"]} == named
