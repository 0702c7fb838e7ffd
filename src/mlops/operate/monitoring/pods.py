"""Prometheus and Alertmanager as a podman pod, from the configured images.

The pod is started again with podman, and what it keeps lies in a volume, which outlives it.
"""

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import yaml

from mlops.config.schema import Params
from mlops.core.errors import DeployError
from mlops.deployment.machine import TARGETS, Volume, podman
from mlops.operate.monitoring.servers import ALERTMANAGER, PROMETHEUS, arguments, check_free, ports

MOUNT, TRAFFIC = "/watch", "/traffic"
MANIFEST = "pod.yaml"  # in the volume: what was started


class Pods:
    """Both servers, in one pod."""

    targets = f"{TRAFFIC}/{TARGETS}"

    def __init__(self, params: Params) -> None:
        self._params = params
        self._name = f"{params.environment}-watch"
        self._volume = Volume(self._name)
        self._images = {
            PROMETHEUS: params.monitoring.prometheus_image,
            ALERTMANAGER: params.monitoring.alertmanager_image,
        }

    @property
    def folder(self) -> Path:
        """Return the volume's."""
        return self._volume.path

    @property
    def hint(self) -> str:
        """Return how a person sees their logs."""
        return f"`podman pod logs {self._name}` shows why"

    def __str__(self) -> str:
        """Return what a person calls them."""
        return f"podman pod {self._name}"

    def missing(self) -> str:
        """Return why an image cannot be had."""
        try:
            for image in self._images.values():
                if not podman("images", "--quiet", "--filter", f"reference={image}"):
                    podman("pull", "--quiet", image)
        except DeployError as error:
            return str(error)
        return ""

    def running(self) -> bool:
        """Return whether the pod is there; podman starts what ends in it."""
        return bool(
            shutil.which("podman")
            and podman("pod", "ps", "--quiet", "--filter", f"name=^{self._name}$")
        )

    def begin(self) -> bool:
        """Start the pod; return False where it runs already, as it is wanted."""
        manifest = self._manifest()
        if self.running():
            state = podman("pod", "inspect", self._name, "--format", "{{.State}}")
            if self._volume.read(MANIFEST) == manifest and state == "Running":
                return False
            self.stop()
        for port in ports(self._params).values():
            check_free(port, self._params.environment)
        Volume(f"{self._params.environment}-traffic").path  # noqa: B018 -- is made here
        podman("kube", "play", "--quiet", "-", given=manifest)
        self._volume.write(MANIFEST, manifest)
        return True

    def reload(self) -> None:
        """Send SIGHUP to both; not by `podman kill`, after which podman starts nothing again."""
        for name in self._images:
            pid = podman("inspect", f"{self._name}-{name}", "--format", "{{.State.Pid}}")
            os.kill(int(pid), signal.SIGHUP)

    def stop(self) -> None:
        """Remove the pod; Prometheus writes down what it knows first."""
        podman("pod", "stop", self._name)
        podman("pod", "rm", "--force", self._name)

    def check(self) -> None:
        """Leave it to podman to start again what has ended."""

    def _manifest(self) -> str:
        containers = [
            self._container(name, self._images[name], given)
            for name, given in arguments(self._params, MOUNT).items()
        ]
        claims = {"watch": self._name, "traffic": f"{self._params.environment}-traffic"}
        volumes = [
            {"name": name, "persistentVolumeClaim": {"claimName": claim}}
            for name, claim in claims.items()
        ]
        spec = {
            "hostNetwork": True,
            "restartPolicy": "Always",
            "containers": containers,
            "volumes": volumes,
        }
        return yaml.safe_dump(
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": self._name}, "spec": spec}
        )

    def _container(self, name: str, image: str, arguments: list[str]) -> dict[str, Any]:
        mounts: list[dict[str, Any]] = [{"name": "watch", "mountPath": MOUNT}]
        if name == PROMETHEUS:
            mounts.append({"name": "traffic", "mountPath": TRAFFIC, "readOnly": True})
        return {
            "name": name,
            "image": image,
            "imagePullPolicy": "IfNotPresent",
            "args": arguments,
            # The owner of the volume, who alone may read where alerts are sent; no other right.
            "securityContext": {
                "runAsUser": 0,
                "runAsGroup": 0,
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": mounts,
        }
