"""What leads to the service in a cluster: an HTTPRoute below a Gateway, and the weights in it.

One version has one backend; two versions have two, with weights. What they are for and until when
stands beside them in an annotation, written by the same request.
Source: https://gateway-api.sigs.k8s.io/guides/traffic-splitting/
"""

import copy
import json
import time
from typing import Any

import yaml

from mlops.config.schema import Params
from mlops.core.errors import DeployError
from mlops.deployment import mover
from mlops.deployment.cluster import Kubectl
from mlops.deployment.mover import Split

KIND = "httproutes.gateway.networking.k8s.io"
BESIDE = "mlops/split"  # the annotation
PAUSE = 0.5  # seconds between two looks at what the gateway says
# Seconds from what a gateway says of a route to its having led every new request that way: Traefik
# takes up changes every 2 s.
SETTLE = 3.0


def overlay(params: Params) -> dict[str, Any]:
    """Return what kustomize adds where the configuration names a Gateway."""
    if params.deploy.gateway is None:
        return {}
    names = ("namespace", "name", "sectionName")
    parent = dict(zip(names, params.deploy.gateway.split("/"), strict=False))
    change = [{"op": "add", "path": "/spec/parentRefs", "value": [parent]}]
    patch = {"target": {"kind": "HTTPRoute"}, "patch": yaml.safe_dump(change)}
    return {"components": ["../gateway"], "patches": [patch]}


def of(text: str) -> Any:
    """Return the HTTPRoute of manifests, or None."""
    return next((one for one in yaml.safe_load_all(text) if one["kind"] == "HTTPRoute"), None)


def rules(base: list[Any], second: str, split: Split) -> list[Any]:
    """Return rules that divide what each of `base` leads to its one backend."""
    found = []
    for rule in base:
        for one in split.rules:
            found.append(_chosen(rule, second, one))
        found.append(_weighted(rule, second, split.weight))
    return found


def _weighted(rule: Any, second: str, weight: int) -> Any:
    (first,) = rule["backendRefs"]
    both = [first | {"weight": 100 - weight}, first | {"name": second, "weight": weight}]
    return copy.deepcopy(rule) | {"backendRefs": both}


def _chosen(rule: Any, second: str, one: mover.Rule) -> Any:
    header = {"type": "RegularExpression", "name": one.header, "value": one.pattern}
    matches = [
        match | {"headers": [*match.get("headers", []), header]} for match in rule["matches"]
    ]
    (first,) = rule["backendRefs"]
    backend = first | ({"name": second} if one.second else {}) | {"weight": 100}
    return copy.deepcopy(rule) | {"matches": matches, "backendRefs": [backend]}


class Route:
    """The HTTPRoute of the service, as it is in the cluster."""

    def __init__(self, kubectl: Kubectl, name: str, seconds: int) -> None:
        self._kubectl, self._name, self._seconds = kubectl, name, seconds

    def divided(self) -> Split | None:
        """Return what stands beside the weights."""
        found = self._read() or {"metadata": {}}
        text = found["metadata"].get("annotations", {}).get(BESIDE)
        return mover.read(text) if text else None

    def divide(self, text: str, second: str, split: Split) -> None:
        """Lead a share of the requests to a second Service; return when the gateway does."""
        base = of(text)["spec"]["rules"]
        self._patch(rules(base, second, split), split.text)

    def unite(self, text: str | None) -> None:
        """Lead all requests to one version, by the rules of its manifests or of what is there."""
        found = self._read()
        if found is None or BESIDE not in found["metadata"].get("annotations", {}):
            return
        route = of(text) if text else None
        self._patch((route or _first(found))["spec"]["rules"], None)

    def apply(self, route: Any) -> None:
        """Apply the route of manifests; return when the gateway leads by it."""
        before = self._read()
        self._kubectl.apply(yaml.safe_dump(route))
        after = self._read()
        if before is None or _generation(before) != _generation(after):
            self.wait()

    def remove(self) -> None:
        """Remove the route, where there may be one."""
        if self._kubectl.knows(KIND):
            self._kubectl("delete", KIND, self._name, "--ignore-not-found")

    def wait(self) -> None:
        """Return when the gateway leads by the newest rules; raise DeployError if it will not."""
        deadline = time.monotonic() + self._seconds
        while wrong := _ignored(self._read()):
            if time.monotonic() > deadline:
                raise DeployError(
                    f"the gateway does not lead by the HTTPRoute {self._name} within "
                    f"{self._seconds} s (deploy.start_seconds): {wrong}; "
                    f"`kubectl describe {KIND} {self._name}` shows more"
                )
            time.sleep(PAUSE)
        time.sleep(SETTLE)

    def _read(self) -> Any:
        return self._kubectl.get(KIND, self._name) if self._kubectl.knows(KIND) else None

    def _patch(self, found: list[Any], beside: str | None) -> None:
        change = {"metadata": {"annotations": {BESIDE: beside}}, "spec": {"rules": found}}
        self._kubectl("patch", KIND, self._name, "--type=merge", f"--patch={json.dumps(change)}")
        self.wait()


def _first(found: Any) -> Any:
    """Return a route without the second version: whoever edited the manifests since may need it."""
    kept = copy.deepcopy(found)
    undivided = [one for one in kept["spec"]["rules"] if len(one["backendRefs"]) > 1]
    for one in undivided:
        one["backendRefs"] = [one["backendRefs"][0] | {"weight": 100}]
    kept["spec"]["rules"] = undivided
    return kept


def _generation(route: Any) -> int:
    return int(route["metadata"]["generation"])


def _ignored(route: Any) -> str:
    """Return why a gateway does not lead by the newest version of a route; nothing if it does."""
    parents = (route or {}).get("status", {}).get("parents", [])
    if not parents:
        return "no controller has looked at it; is there such a Gateway (deploy.gateway)?"
    for one in (one for parent in parents for one in parent["conditions"]):
        if one.get("observedGeneration") != _generation(route):
            return "its controller has not seen the newest version"
        if one["type"] in ("Accepted", "ResolvedRefs") and one["status"] != "True":
            return f"{one['type']} is {one['status']}: {one.get('message') or one['reason']}"
    return ""
