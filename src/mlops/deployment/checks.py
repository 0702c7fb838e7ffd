"""Checks of rendered manifests that schemas and scanners do not make.

A service that selects nothing, a probe of a port that nobody opened, a grace period that cuts
requests off: each is valid YAML. Here it is refused before anything is applied.
"""

import re
from collections.abc import Iterator
from math import ceil

from mlops.config.schema import Serving
from mlops.deployment import links, scaling
from mlops.deployment.rendered import Manifests, quantity

NEEDED = ("ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service")


def problems(text: str, serving: Serving) -> list[str]:
    """Return what is wrong with the manifests of a release, as sentences."""
    found = Manifests(text)
    missing = [kind for kind in NEEDED if found.kinds.count(kind) != 1]
    if missing:
        return [f"one {kind} is needed, found {found.kinds.count(kind)}" for kind in missing]
    try:
        return _all(found, serving)
    except KeyError as error:
        return [f"{error} is missing"]


def _all(found: Manifests, serving: Serving) -> list[str]:
    return [
        *links.names(found),
        *links.selectors(found),
        *links.ports(found),
        *links.probes(found),
        *_image(found),
        *_writable(found),
        *_resources(found),
        *_termination(found, serving),
        *_disruption(found),
        *scaling.problems(found),
        *links.routes(found),
    ]


def longest_request(serving: Serving) -> int:
    """Return after how many seconds each accepted request has its answer (ml.service)."""
    return ceil(3 * serving.timeout)


def _image(found: Manifests) -> Iterator[str]:
    for one in found.pod["spec"]["containers"] + found.pod["spec"].get("initContainers", []):
        if not re.search(r"/[^/@:]+@sha256:[0-9a-f]{64}$", one["image"]):
            yield f"expected an image pinned by its digest, found {one['image']}"


def _writable(found: Manifests) -> Iterator[str]:
    if {"configMapRef": {"name": found["ConfigMap"]["metadata"]["name"]}} not in found.container[
        "envFrom"
    ]:
        yield "the container does not read the ConfigMap that is rendered"
    home = str(found["ConfigMap"]["data"].get("BENTOML_HOME"))
    empty = {one["name"] for one in found.pod["spec"].get("volumes", []) if "emptyDir" in one}
    mounted = [one for one in found.container.get("volumeMounts", []) if one["name"] in empty]
    if not any(home.startswith(f"{one['mountPath'].rstrip('/')}/") for one in mounted):
        yield f"BENTOML_HOME: expected a path on an emptyDir, found {home}"


def _resources(found: Manifests) -> Iterator[str]:
    parts = found.container.get("resources", {})
    for name in ("cpu", "memory"):
        asked, limit = (parts.get(part, {}).get(name) for part in ("requests", "limits"))
        if not 0 < quantity(asked) <= quantity(limit):
            yield f"{name}: the limit {limit} is below the request {asked}"


def _termination(found: Manifests, serving: Serving) -> Iterator[str]:
    waits = found.container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds")
    grace = found.pod["spec"].get("terminationGracePeriodSeconds", 30)
    if not waits:
        yield "a preStop sleep is needed: requests come until all nodes know that the pod goes"
    elif grace <= waits + longest_request(serving):
        yield (
            f"terminationGracePeriodSeconds: expected more than {waits} (preStop) plus "
            f"{longest_request(serving)} (3 times serving.timeout), found {grace}"
        )
    if found["Deployment"]["spec"]["strategy"].get("rollingUpdate", {}).get("maxUnavailable") != 0:
        yield "maxUnavailable: expected 0: an old pod goes when a new one is ready"


def _disruption(found: Manifests) -> Iterator[str]:
    budget = found["PodDisruptionBudget"]["spec"]
    may_go = budget.get("maxUnavailable")
    if may_go is None:
        may_go = found.pods - budget.get("minAvailable", found.pods)
    if not isinstance(may_go, int) or not 1 <= may_go < found.pods:
        yield f"a disruption of {found.pods} pods: expected at least 1 and not all, found {may_go}"
