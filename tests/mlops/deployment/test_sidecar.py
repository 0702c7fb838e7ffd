"""The manifests of the request log: only where it is on, and as podman runs them."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from common import ROOT
from ml.config import Params
from mlops.core.errors import DeployError
from mlops.deployment import checks, manifests
from mlops.deployment.manifests import Release
from mlops.serving.request_log import switch

DIGEST = f"sha256:{'a' * 64}"
RELEASE = Release(f"registry.example.com:5000/team/classifier@{DIGEST}", "3", "b" * 64, "c0ffee")
SHIPPER = f"registry.example.com/team/shipper@{DIGEST}"
Make = Callable[..., Params]

pytestmark = pytest.mark.skipif(
    not any(map(shutil.which, ("kubectl", "kustomize"))), reason="neither kubectl nor kustomize"
)


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def rendered(make_params: Make, **log: Any) -> str:
    """Return the manifests of prod with these settings of the log."""
    return manifests.render(RELEASE, make_params(environment="prod", request_log=log))


def documents(text: str) -> dict[str, Any]:
    """Return the documents by their kind."""
    return {one["kind"]: one for one in yaml.safe_load_all(text)}


def pod(text: str) -> Any:
    """Return what a pod is made from."""
    return documents(text)["Deployment"]["spec"]["template"]["spec"]


def test_without_the_log_nothing_goes_out(make_params: Make) -> None:
    """No container, no volume, no variable, no way out."""
    text = rendered(make_params, enabled=False, shipper=SHIPPER)

    assert documents(text)["NetworkPolicy"]["spec"]["egress"] == []
    assert "initContainers" not in pod(text)
    assert [volume["name"] for volume in pod(text)["volumes"]] == ["tmp"]
    assert "REQUEST_LOG" not in text


def test_with_the_log_a_sidecar_ships_it(make_params: Make) -> None:
    """It ends after the service, shares the spool alone with it, and the manifests hold."""
    params = make_params(environment="prod", request_log={"enabled": True, "shipper": SHIPPER})
    text = manifests.render(RELEASE, params)
    (sidecar,), (service,) = (pod(text)[kind] for kind in ("initContainers", "containers"))
    (spool,) = (one for one in pod(text)["volumes"] if one["name"] == "requests")
    ports = [one["port"] for rule in documents(text)["NetworkPolicy"]["spec"]["egress"]
             for one in rule["ports"]]  # fmt: skip

    assert checks.problems(text, params.serving) == []
    assert (sidecar["restartPolicy"], sidecar["image"]) == ("Always", SHIPPER)
    assert sidecar["volumeMounts"] == [{"name": "requests", "mountPath": "/requests"}]
    assert {"name": "requests", "mountPath": "/requests"} in service["volumeMounts"]
    assert {"name": "tmp", "mountPath": "/tmp"} in service["volumeMounts"]
    assert sidecar["envFrom"][0] == service["envFrom"][0]
    assert spool == {"name": "requests", "emptyDir": {"sizeLimit": "640M"}}
    assert ports == [443, 53, 53]


def test_the_service_is_told_what_conf_says(make_params: Make) -> None:
    """Each variable is one that the service or the shipper reads."""
    text = rendered(
        make_params, enabled=True, shipper=SHIPPER, sample=0.1, spool_mb=64, rotate_seconds=60
    )
    data = documents(text)["ConfigMap"]["data"]
    found = {name: value for name, value in data.items() if name.startswith("REQUEST_LOG")}
    read = Path(switch.__file__).read_text()
    shipped = (ROOT / "src/mlops/operate/requests/ship_log.py").read_text()

    assert found.pop("REQUEST_LOG_URL").startswith("s3://")
    assert found == {
        "REQUEST_LOG": "/requests",
        "REQUEST_LOG_TEXTS": "0",
        "REQUEST_LOG_SAMPLE": "0.1",
        "REQUEST_LOG_SPOOL_MB": "64",
        "REQUEST_LOG_SECONDS": "60",
        "REQUEST_LOG_ENVIRONMENT": "prod",
    }
    for name in found:
        assert name in read or name.rpartition("_")[2] in shipped
    assert data["BENTOML_HOME"] == "/tmp/bentoml"


@pytest.mark.parametrize("image", [None, "registry.example.com/team/shipper:latest"])
def test_a_log_that_nobody_ships_is_refused(make_params: Make, image: str | None) -> None:
    """And an image that can be moved; both sentences say what is needed."""
    with pytest.raises(DeployError, match=r"request_log\.shipper.*@sha256.*docs/operate\.md"):
        rendered(make_params, enabled=True, shipper=image)


def test_on_one_machine_both_pods_share_a_spool_that_stays(make_params: Make) -> None:
    """The shipper is a container there; what one pod leaves, the next ships; with roles."""
    text = rendered(make_params, enabled=True, shipper=SHIPPER)
    blue, green = (pod(manifests.one_machine(text, 3001, name)) for name in ("blue", "green"))

    for name, one in (("blue", blue), ("green", green)):
        assert "initContainers" not in one
        assert [container["name"] for container in one["containers"]] == [
            "model-server", "request-log"
        ]  # fmt: skip
        assert "restartPolicy" not in one["containers"][1]
        told = {"name": "REQUEST_LOG_ROLE_HEADER", "value": "X-Mlops-Role"}
        assert told in one["containers"][0]["env"]
        volumes = {volume["name"]: volume for volume in one["volumes"]}
        assert volumes[f"{name}-requests"] == {
            "name": f"{name}-requests",
            "persistentVolumeClaim": {"claimName": "prod-requests"},
        }
        for container in one["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} <= set(volumes)
