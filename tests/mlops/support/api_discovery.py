"""What the API server of the tests tells of itself: its groups, kinds and where they lie."""

import re
from dataclasses import dataclass
from typing import Any

GATEWAY = "apis/gateway.networking.k8s.io"
KINDS = {
    "api/v1": {
        "ConfigMap": "configmaps", "Namespace": "namespaces", "Pod": "pods",
        "Secret": "secrets",  # pragma: allowlist secret
        "Service": "services",
    },
    "apis/apps/v1": {"Deployment": "deployments"},
    "apis/autoscaling/v2": {"HorizontalPodAutoscaler": "horizontalpodautoscalers"},
    "apis/coordination.k8s.io/v1": {"Lease": "leases"},
    "apis/discovery.k8s.io/v1": {"EndpointSlice": "endpointslices"},
    f"{GATEWAY}/v1": {
        "BackendTLSPolicy": "backendtlspolicies", "GRPCRoute": "grpcroutes", "Gateway": "gateways",
        "GatewayClass": "gatewayclasses", "HTTPRoute": "httproutes", "TLSRoute": "tlsroutes",
    },
    f"{GATEWAY}/v1beta1": {"ReferenceGrant": "referencegrants"},
    "apis/keda.sh/v1alpha1": {"ScaledObject": "scaledobjects"},
    "apis/networking.k8s.io/v1": {"NetworkPolicy": "networkpolicies"},
    "apis/policy/v1": {"PodDisruptionBudget": "poddisruptionbudgets"},
}  # fmt: skip
CLUSTER_WIDE = {"Namespace", "GatewayClass"}
SHORT = {"deployments": "deploy", "pods": "po"}
PATH = re.compile(
    r"/(?P<place>api/v1|apis/[^/]+/[^/]+)(/namespaces/(?P<space>[^/]+))?/(?P<plural>[a-z]+)"
    r"(/(?P<name>[^/]+))?(/(?P<part>status))?"
)


Kinds = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Where:
    """What a path leads to: one object, or those of a kind, in one namespace or in all."""

    kind: str
    version: str  # as apiVersion has it
    space: str
    name: str
    part: str  # `status`, or nothing
    plural: str

    def holds(self, path: str) -> bool:
        """Tell whether an object's path lies in this list."""
        found = where(path)
        return bool(
            found
            and (found.version, found.kind) == (self.version, self.kind)
            and self.space in ("", found.space)
        )


def where(path: str, known: Kinds = KINDS) -> Where | None:
    """Read a path; None where it is of no kind that the server knows."""
    found = PATH.fullmatch(path)
    if found is None:
        return None
    kinds = {plural: kind for kind, plural in known.get(found["place"], {}).items()}
    if found["plural"] not in kinds:
        return None
    return Where(
        kinds[found["plural"]], _version(found["place"]), found["space"] or "",
        found["name"] or "", found["part"] or "", found["plural"],
    )  # fmt: skip


def _version(place: str) -> str:
    return place.removeprefix("apis/").removeprefix("api/")


def discovered(path: str, known: Kinds) -> Any:
    """Return what the server tells of itself, or None for a path of objects."""
    if path == "/version":
        return {"major": "1", "minor": "37", "gitVersion": "v1.37.1"}
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": _groups(known)}
    if path == "/openapi/v3":
        return {"paths": {p: {"serverRelativeURL": f"/openapi/v3/{p}"} for p in known}}
    place = path.removeprefix("/openapi/v3").strip("/")
    if place not in known:
        return None
    return (_openapi if path.startswith("/openapi") else _resources)(place, known[place])


def _groups(known: Kinds) -> list[Any]:
    versions: dict[str, list[Any]] = {}
    for _, group, version in (one.split("/") for one in known if one.startswith("apis/")):
        told = {"groupVersion": f"{group}/{version}", "version": version}
        versions.setdefault(group, []).append(told)
    return [
        {"name": group, "versions": found, "preferredVersion": found[0]}
        for group, found in versions.items()
    ]


def _resources(place: str, kinds: dict[str, str]) -> Any:
    verbs = ["create", "delete", "get", "list", "patch", "update", "watch"]
    resources = [
        {"name": name, "singularName": kind.lower(), "namespaced": kind not in CLUSTER_WIDE,
         "kind": kind, "verbs": verbs, "shortNames": [SHORT.get(name, name)]}
        for kind, name in kinds.items()
    ]  # fmt: skip
    return {"kind": "APIResourceList", "groupVersion": _version(place), "resources": resources}


def _openapi(place: str, kinds: dict[str, str]) -> Any:
    """Tell that fields are validated by the server: kubectl asks before it relies on that."""
    group, _, version = _version(place).rpartition("/")
    parameters = [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}]
    paths = {
        f"/{place}/namespaces/{{namespace}}/{name}/{{name}}": {
            "patch": {
                "parameters": parameters,
                "responses": {},
                "x-kubernetes-group-version-kind": {
                    "group": group, "version": version, "kind": kind,
                },
            }
        }
        for kind, name in kinds.items()
    }  # fmt: skip
    return {"openapi": "3.0.0", "info": {"title": "", "version": "1"}, "paths": paths}
