"""What must hold between the names of rendered manifests: labels and selectors, ports, paths."""

import re
from collections.abc import Iterator

from mlops.deployment.rendered import Manifests

NAMESPACE = "mlops"
PORT = 3000  # of BentoML's images
PROBES = {"startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/livez"}


def names(found: Manifests) -> Iterator[str]:
    """Everything is in one namespace, and called what a cluster accepts."""
    for one in found.documents:
        named, space = one["metadata"]["name"], one["metadata"].get("namespace")
        if space != NAMESPACE:
            yield f"{one['kind']} {named} is in the namespace {space}, expected {NAMESPACE}"
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", named):
            yield f"{one['kind']} {named}: a name is made of small letters, digits and -"
    for label in found.pod["metadata"]["labels"].values():
        if not re.fullmatch(r"[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?", label):
            yield f"label {label!r}: expected letters, digits, - and ., at most 63"


def selectors(found: Manifests) -> Iterator[str]:
    """Whatever selects pods selects these."""
    selectors = {
        "Deployment": found["Deployment"]["spec"]["selector"]["matchLabels"],
        "Service": found["Service"]["spec"]["selector"],
        "PodDisruptionBudget": found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        "NetworkPolicy": found["NetworkPolicy"]["spec"]["podSelector"].get("matchLabels"),
    }
    labels = found.pod["metadata"]["labels"]
    for kind, selector in selectors.items():
        if not selector or not selector.items() <= labels.items():
            yield f"{kind} selects {selector}, the pods have {labels}"


def ports(found: Manifests) -> Iterator[str]:
    """Service and NetworkPolicy lead to the port that the container opens, and nowhere else."""
    opened = {one["name"]: one["containerPort"] for one in found.container["ports"]}
    if list(opened.values()) != [PORT]:
        yield f"the container opens {opened}, expected the port {PORT} alone"
    for one in found["Service"]["spec"]["ports"]:
        target = one.get("targetPort", one["port"])
        if opened.get(target, target) != PORT:
            yield f"the Service leads to the port {target}, expected {PORT}"
    rules = found["NetworkPolicy"]["spec"]
    let_in = [
        port["port"] for rule in rules["ingress"] for port in rule.get("ports", [{"port": 0}])
    ]
    if let_in != [PORT] or set(rules["policyTypes"]) != {"Ingress", "Egress"}:
        yield f"the NetworkPolicy lets in to {let_in}, expected the port {PORT} alone"
    if {} in rules.get("egress", []):
        yield "the NetworkPolicy lets out to everywhere, expected named destinations"


def probes(found: Manifests) -> Iterator[str]:
    """All three ask the service's own paths."""
    opened = {one["name"]: one["containerPort"] for one in found.container["ports"]}
    for kind, path in PROBES.items():
        asked = found.container.get(kind, {}).get("httpGet", {})
        port = opened.get(asked.get("port"), asked.get("port"))
        if (asked.get("path"), port) != (path, PORT):
            yield f"the {kind} asks {asked}, expected {path} on port {PORT}"


def routes(found: Manifests) -> Iterator[str]:
    """The HTTPRoute, where there is one, has a Gateway and leads to the Service alone."""
    if "HTTPRoute" not in found.kinds:
        return
    spec, service = found["HTTPRoute"]["spec"], found["Service"]
    expected = {(service["metadata"]["name"], one["port"]) for one in service["spec"]["ports"]}
    if not spec.get("parentRefs"):
        yield "the HTTPRoute has no parentRefs; set deploy.gateway"
    for rule in spec["rules"]:
        leads = {(one["name"], one["port"]) for one in rule.get("backendRefs", [])}
        if leads != expected:
            yield f"the HTTPRoute leads to {sorted(leads)}, expected {sorted(expected)}"
        if not rule.get("matches"):
            yield "a rule of the HTTPRoute has no matches; one of all requests has the path /"
