"""What leads the traffic on one machine: a Traefik pod.

Traefik reads its file again whenever it changes, and closes no connection for it: requests that are
under way end where they began.
Source: https://doc.traefik.io/traefik/reference/install-configuration/providers/others/file/
"""

from typing import Any

import yaml

from mlops.client import exchange
from mlops.client.address import Address
from mlops.client.failure import ServiceError
from mlops.config.operating import Deploy
from mlops.deployment.traefik.traffic import FILE, HEADER, READ, Traffic

MOUNT = "/traffic"
METRICS = 3  # the port of its metrics lies so many after that of the service
# Edges of the service's own histogram: an objective must be one of them.
BUCKETS = "0.001,0.0025,0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5,10"


def leads(port: int, wanted: Traffic) -> bool:
    """Return whether new requests go where a file says."""
    if found := has_read(port):
        return found == wanted.digest
    # A proxy of a release up to 0.4.0 does not say what it has read.
    return not wanted.split and serves(port) == wanted.live.name


def has_read(port: int) -> str:
    """Return the digest of the file that Traefik has read; nothing where it does not say."""
    try:
        answer = exchange.fetch(Address("http", "127.0.0.1", port + METRICS), "/read", seconds=5)
    except ServiceError:
        return ""
    return answer.headers.get(READ, "")


def serves(port: int) -> str:
    """Return which pod the next request would go to; nothing where nobody answers."""
    try:
        answer = exchange.fetch(Address("http", "127.0.0.1", port), "/livez", seconds=5)
    except ServiceError:
        return ""
    return answer.headers.get(HEADER, "")


def pod(name: str, volume: str, deploy: Deploy) -> str:
    """Return the manifest of the proxy, for `podman kube play`."""
    arguments = [
        f"--entrypoints.web.address={deploy.address}:{deploy.port}",
        f"--entrypoints.metrics.address=127.0.0.1:{deploy.port + METRICS}",
        "--metrics.prometheus=true",
        "--metrics.prometheus.entrypoint=metrics",
        "--metrics.prometheus.addserviceslabels=true",
        f"--metrics.prometheus.buckets={BUCKETS}",
        f"--providers.file.filename={MOUNT}/{FILE}",
        "--providers.file.watch=true",
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
        "--log.level=WARN",
    ]
    container: dict[str, Any] = {
        "name": "traefik",
        "image": deploy.proxy,
        "imagePullPolicy": "IfNotPresent",
        "args": arguments,
        "securityContext": {
            "runAsUser": 65_532,
            "runAsGroup": 65_532,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "traffic", "mountPath": MOUNT, "readOnly": True}],
    }
    volumes = [{"name": "traffic", "persistentVolumeClaim": {"claimName": volume}}]
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {"hostNetwork": True, "containers": [container], "volumes": volumes},
        }
    )
