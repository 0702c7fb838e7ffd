"""One deployment at a time in a cluster: a Lease, which the API server gives to one alone."""

import getpass
import json
import math
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from mlops.core.errors import DeployError
from mlops.deployment.cluster import Kubectl
from mlops.deployment.links import NAMESPACE
from mlops.deployment.target import BusyError

NAME = "model-server-deployment"
HELD = timedelta(minutes=30)  # the longest that a deployment may take, and a killed one locks out


@contextmanager
def held(kubectl: Kubectl) -> Iterator[None]:
    """Hold the Lease; one that a killed deployment has left runs out."""
    found = kubectl.get("lease", NAME)
    # Both are refused where another was faster: the name is taken, or the version has changed.
    verb = "replace" if found else "create"
    kubectl(verb, "--filename", "-", given=json.dumps(_lease(found)))
    try:
        yield
    finally:
        kubectl("delete", "lease", NAME, "--ignore-not-found")


def extend(kubectl: Kubectl, until: datetime) -> None:
    """Hold the Lease longer, where it would run out before a time."""
    found = kubectl.get("lease", NAME)
    if found is None:
        raise DeployError(f"the Lease {NAME} is gone: another deployment may be at work")
    spec = found["spec"]
    since = datetime.fromisoformat(spec["acquireTime"])
    seconds = math.ceil((until - since).total_seconds())
    if seconds > spec["leaseDurationSeconds"]:
        change = json.dumps({"spec": {"leaseDurationSeconds": seconds}})
        kubectl("patch", "lease", NAME, "--type=merge", f"--patch={change}")


def _lease(found: Any) -> dict[str, Any]:
    """Return the Lease of this deployment; raise BusyError while another holds it."""
    now = datetime.now(UTC)
    metadata = {"name": NAME, "namespace": NAMESPACE}
    if found:
        since = datetime.fromisoformat(found["spec"]["acquireTime"])
        until = since + timedelta(seconds=found["spec"]["leaseDurationSeconds"])
        if now < until:
            raise BusyError(
                f"{found['spec']['holderIdentity']} is deploying since {since:%H:%M} UTC; run the "
                f"command again when that has ended, at {until:%H:%M} UTC at the latest"
            )
        metadata["resourceVersion"] = found["metadata"]["resourceVersion"]
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": metadata,
        "spec": {
            "holderIdentity": f"{getpass.getuser()}@{socket.gethostname()}:{os.getpid()}",
            "acquireTime": now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "leaseDurationSeconds": int(HELD.total_seconds()),
        },
    }
