"""What leads the traffic on one machine: a Traefik pod, and the file with its destination.

Traefik reads the file again whenever it changes, and closes no connection for it: requests that are
under way end where they began.
Source: https://doc.traefik.io/traefik/reference/install-configuration/providers/others/file/
"""

from pathlib import Path
from typing import Any

import yaml

from mlops.client import exchange
from mlops.client.address import Address
from mlops.client.failure import ServiceError
from mlops.config.operating import Deploy

FILE = "live.yml"
HEADER = "X-Served-By"  # of each answer: which pod gave it
MOUNT = "/traffic"
# The service closes a connection that rests for serving.keep_alive: a request must not meet that.
IDLE = "2s"


def rules(name: str, port: int) -> str:
    """Return the file that leads all requests to a pod on a port of loopback."""
    return yaml.safe_dump(
        {
            "http": {
                "routers": {
                    "all": {"rule": "PathPrefix(`/`)", "service": "live", "middlewares": ["told"]}
                },
                "middlewares": {"told": {"headers": {"customResponseHeaders": {HEADER: name}}}},
                "services": {
                    "live": {
                        "loadBalancer": {
                            "servers": [{"url": f"http://127.0.0.1:{port}"}],
                            "serversTransport": "pods",
                        }
                    }
                },
                "serversTransports": {"pods": {"forwardingTimeouts": {"idleConnTimeout": IDLE}}},
            }
        }
    )


def named(folder: Path) -> str:
    """Return the pod that the file in a folder leads to; nothing where there is none."""
    try:
        found = yaml.safe_load((folder / FILE).read_text(encoding="utf-8"))
        return str(found["http"]["middlewares"]["told"]["headers"]["customResponseHeaders"][HEADER])
    except FileNotFoundError:
        return ""


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
