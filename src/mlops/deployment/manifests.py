"""The manifests of a release: what a cluster, or one machine, is to run.

Reads: deploy/k8s/
"""

import math
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlops.config.schema import Params, Serving
from mlops.core.errors import DeployError
from mlops.deployment import checks, gateway, scaling, sidecar

MANIFESTS = Path("deploy/k8s")
NAME = "model-server"
IMAGE = re.compile(r"(?P<name>[\w.-]+(:\d+)?(/[\w.-]+)+)@(?P<digest>sha256:[0-9a-f]{64})")
# Tell the service which version it counts for, and how old that is.
VERSION, CREATED = "MODEL_VERSION", "MODEL_CREATED"
# What a pod needs to go, besides the requests in flight: preStop, closing the workers.
LEAVING_SECONDS = 30


@dataclass(frozen=True)
class Release:
    """What is deployed, and what leads back from it."""

    image: str  # with its digest
    registered: str  # the version in the registry
    model_sha256: str
    commit: str
    created: int = 0  # Unix time at which it was registered


def render(release: Release, params: Params) -> str:
    """Return the manifests of a release for its environment, as kubectl applies them.

    The same release gives the same text. What the checks find wrong is refused.
    """
    if not (MANIFESTS / params.environment).is_dir():
        raise DeployError(
            f"{MANIFESTS} has no folder {params.environment}; only qa and prod are deployed"
        )
    with tempfile.TemporaryDirectory(prefix="manifests-") as folder:
        # Next to the environment's own folder, since kustomize takes no absolute paths.
        place = Path(folder) / "k8s"
        shutil.copytree(MANIFESTS, place)
        (place / "release").mkdir()
        overlay = yaml.safe_dump(_overlay(release, params))
        (place / "release" / "kustomization.yaml").write_text(overlay, encoding="utf-8")
        text = _kustomize(place / "release")
    wrong = checks.problems(text, params.serving)
    if wrong:
        raise DeployError(
            f"the manifests in {MANIFESTS} do not hold together; fix them: {'; '.join(wrong)}"
        )
    return text


def grace_period(serving: Serving) -> int:
    """Return for how many seconds a pod that is to go may go on."""
    return checks.longest_request(serving) + LEAVING_SECONDS


def _overlay(release: Release, params: Params) -> dict[str, Any]:
    image = IMAGE.fullmatch(release.image)
    if image is None:
        raise DeployError(
            f"image: expected <registry>/<name>@sha256:<digest>, found {release.image!r}; push it "
            "and deploy by its digest, since a tag can be moved"
        )
    origin = {
        "mlops/model.name": params.model.name,
        "mlops/model.version": params.model.version,
        "mlops/model.sha256": release.model_sha256,
        "mlops/registered.version": release.registered,
        "mlops/git.commit": release.commit,
    }
    log = sidecar.overlay(params, IMAGE)
    parts = (log, gateway.overlay(params), scaling.overlay(params))
    served = {"name": NAME, "newName": image["name"], "digest": image["digest"]}
    return {
        **log,
        "resources": [f"../{params.environment}"],
        "components": [one for part in parts for one in part.get("components", [])],
        "images": [served, *log["images"]],
        "labels": [
            {"pairs": {"app.kubernetes.io/version": release.registered}, "includeTemplates": True}
        ],
        "commonAnnotations": origin,
        "patches": [
            {"patch": yaml.safe_dump(_patch(release, params))},
            *(one for part in parts for one in part.get("patches", [])),
        ],
    }


def _patch(release: Release, params: Params) -> dict[str, Any]:
    needs = {
        "cpu": str(params.resources.cpu_cores),
        "memory": f"{math.ceil(params.resources.memory_gb * 1024)}Mi",
    }
    if params.serving.device == "cuda":
        needs["nvidia.com/gpu"] = str(max(1, params.resources.gpu))
    container = {
        "name": NAME,
        "resources": {"requests": needs, "limits": needs},
        "env": [
            {"name": VERSION, "value": release.registered},
            {"name": CREATED, "value": str(release.created)},
        ],
    }
    cause = f"{params.model.name} version {release.registered}, commit {release.commit}"
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "annotations": {"kubernetes.io/change-cause": cause}},
        "spec": {
            "template": {
                "spec": {
                    "terminationGracePeriodSeconds": grace_period(params.serving),
                    "containers": [container],
                    "volumes": sidecar.spool(params),
                }
            }
        },
    }


def _kustomize(folder: Path) -> str:
    commands = {"kubectl": ["kubectl", "kustomize"], "kustomize": ["kustomize", "build"]}
    command = next((line for name, line in commands.items() if shutil.which(name)), None)
    if command is None:
        raise DeployError("kubectl (or kustomize) is not on the PATH; install it")
    done = subprocess.run(
        [*command, str(folder)],
        env={**os.environ, "KUBECONFIG": os.devnull},  # whatever cluster is the current one
        text=True,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        reason = done.stderr.strip().replace(str(folder.parent), str(MANIFESTS))
        raise DeployError(f"kustomize cannot build {MANIFESTS}; fix it: {reason}")
    return done.stdout


def deployment(text: str) -> Any:
    """Return the one Deployment of manifests."""
    (found,) = (one for one in yaml.safe_load_all(text) if one["kind"] == "Deployment")
    return found


def registered(text: str) -> str:
    """Return the registered version that manifests were rendered for."""
    return str(deployment(text)["metadata"]["annotations"]["mlops/registered.version"])


def one_machine(text: str, port: int, name: str = NAME, address: str = "127.0.0.1") -> str:
    """Return what `podman kube play` runs of these manifests: one pod, published on a port.

    podman knows no services, policies or scaling, and without systemd no probes: who starts it asks
    /readyz. It waits 10 s for a pod to end, whatever the manifest says: `podman pod stop --time`,
    with the grace period, comes first. Two releases side by side need two names and two ports.
    """
    kept = [one for one in yaml.safe_load_all(text) if one["kind"] in ("ConfigMap", "Deployment")]
    (whole,) = (one for one in kept if one["kind"] == "Deployment")
    whole["metadata"]["name"] = name
    whole["spec"]["replicas"] = 1
    pod = whole["spec"]["template"]["spec"]
    pod.pop("topologySpreadConstraints", None)
    sidecar.on_one_machine(pod, whole["metadata"]["labels"]["app.kubernetes.io/instance"])
    # podman makes a volume of this name: pods that share the name would share what lies in it.
    mounts = [one for container in pod["containers"] for one in container["volumeMounts"]]
    for one in (*pod["volumes"], *mounts):
        one["name"] = f"{name}-{one['name']}"
    for probe in ("startupProbe", "readinessProbe", "livenessProbe", "lifecycle"):
        pod["containers"][0].pop(probe, None)
    for opened in pod["containers"][0]["ports"]:
        opened |= {"hostPort": port, "hostIP": address}
    return yaml.safe_dump_all(kept)
