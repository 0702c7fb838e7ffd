"""What kubectl talks to: an API server in memory, for none can be had here.

It knows as much of Kubernetes' API as a deployment takes: objects, versions, server-side apply,
discovery, and pods behind its proxy. What kubectl sends is what a real one gets; what a controller
would do with it is decided here by `Cluster.outcome`.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

KINDS = {
    "api/v1": {"ConfigMap": "configmaps", "Service": "services", "Pod": "pods"},
    "apis/apps/v1": {"Deployment": "deployments"},
    "apis/autoscaling/v2": {"HorizontalPodAutoscaler": "horizontalpodautoscalers"},
    "apis/coordination.k8s.io/v1": {"Lease": "leases"},
    "apis/networking.k8s.io/v1": {"NetworkPolicy": "networkpolicies"},
    "apis/policy/v1": {"PodDisruptionBudget": "poddisruptionbudgets"},
}
SHORT = {"deployments": "deploy", "pods": "po"}
Answer = tuple[int, Any]
# What a pod of an image answers: to a path and a body, status and JSON.
Serving = Callable[[str, Any], Answer]


@dataclass
class Cluster:
    """The objects of a cluster, and what becomes of a Deployment."""

    serving: dict[str, Serving] = field(default_factory=dict)  # by the image
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)  # by their path
    asked: list[str] = field(default_factory=list)  # methods and paths that changed something
    stuck: set[str] = field(default_factory=set)  # images whose pods never become ready
    _count: int = 0

    def put(self, path: str, value: dict[str, Any]) -> Answer:
        """Store an object under a new version; pods follow their Deployment."""
        self._count += 1
        old = self.objects.get(path, {"metadata": {}})
        kept = {"uid": f"u{self._count}", "creationTimestamp": "2026-01-01T00:00:00Z"}
        kept |= {k: v for k, v in old["metadata"].items() if k in kept}
        value["metadata"] |= {**kept, "resourceVersion": str(self._count)}
        value["metadata"].setdefault("generation", 1)
        self.objects[path] = value
        if value["kind"] == "Deployment":
            self._roll(path, value)
        return 200, value

    def _roll(self, path: str, deployment: dict[str, Any]) -> None:
        template, replicas = deployment["spec"]["template"], deployment["spec"].get("replicas", 2)
        image = template["spec"]["containers"][0]["image"]
        ready = image not in self.stuck or "candidate" in path
        reason = "NewReplicaSetAvailable" if ready else "ProgressDeadlineExceeded"
        deployment["status"] = {
            "observedGeneration": 1,
            **dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), replicas),
            "conditions": [
                {"type": "Progressing", "status": str(ready), "reason": reason, "message": reason}
            ],
        }
        self._end_pods(deployment["metadata"]["name"])
        for number in range(replicas):
            name = f"{deployment['metadata']['name']}-{number}"
            started = [{"restartCount": 0, "state": {"running": {}}, "image": image}]
            self.objects[f"/api/v1/namespaces/mlops/pods/{name}"] = {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "namespace": "mlops", **template["metadata"]},
                "status": {"phase": "Running", "containerStatuses": started},
            }

    def delete(self, path: str) -> Answer:
        """Remove an object, with its pods."""
        gone = self.objects.pop(path, None)
        if gone is None:
            return missing(path)
        if gone["kind"] == "Deployment":
            self._end_pods(gone["metadata"]["name"])
        return 200, {"kind": "Status", "apiVersion": "v1", "status": "Success"}

    def _end_pods(self, deployment: str) -> None:
        for path in list(self.objects):
            if re.fullmatch(rf"/api/v1/namespaces/mlops/pods/{deployment}-\d+", path):
                del self.objects[path]

    def one(self, kind: str, name: str = "model-server") -> dict[str, Any] | None:
        """Return an object by its kind and name."""
        found = self.objects.values()
        return next((o for o in found if o["kind"] == kind and o["metadata"]["name"] == name), None)

    def proxied(self, path: str, body: Any) -> Answer:
        """Ask a pod."""
        found = re.fullmatch(r"(/api/v1/namespaces/mlops/pods/([\w-]+)):3000/proxy(/.*)", path)
        assert found
        pod = self.objects.get(found[1])
        if pod is None:
            return missing(path)
        image = pod["status"]["containerStatuses"][0]["image"]
        return self.serving[image](found[3], body)


def missing(path: str) -> Answer:
    """Return the answer for what is not there."""
    return _refused(404, "NotFound", f'"{path.rpartition("/")[2]}" not found')


def _refused(code: int, reason: str, message: str) -> Answer:
    return code, {
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "code": code, "reason": reason, "message": message,
    }  # fmt: skip


def _discovered(path: str) -> Any:
    """Return what the server tells of itself, or None for a path of objects."""
    groups = [place.split("/")[1:] for place in KINDS if place.startswith("apis/")]
    if path == "/version":
        return {"major": "1", "minor": "32", "gitVersion": "v1.32.4"}
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        versions = {g: {"groupVersion": f"{g}/{v}", "version": v} for g, v in groups}
        told = [{"name": g, "versions": [v], "preferredVersion": v} for g, v in versions.items()]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": told}
    if path == "/openapi/v3":
        return {"paths": {p: {"serverRelativeURL": f"/openapi/v3/{p}"} for p in KINDS}}
    place = path.removeprefix("/openapi/v3").strip("/")
    if place not in KINDS:
        return None
    return _openapi(place) if path.startswith("/openapi") else _resources(place)


def _resources(place: str) -> Any:
    verbs = ["create", "delete", "get", "list", "patch", "update", "watch"]
    resources = [
        {"name": name, "singularName": kind.lower(), "namespaced": True, "kind": kind,
         "verbs": verbs, "shortNames": [SHORT.get(name, name)]}
        for kind, name in KINDS[place].items()
    ]  # fmt: skip
    version = place.removeprefix("apis/").removeprefix("api/")
    return {"kind": "APIResourceList", "groupVersion": version, "resources": resources}


def _openapi(place: str) -> Any:
    """Tell that fields are validated by the server: kubectl asks before it relies on that."""
    group, _, version = place.removeprefix("apis/").removeprefix("api/").rpartition("/")
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
        for kind, name in KINDS[place].items()
    }  # fmt: skip
    return {"openapi": "3.0.0", "info": {"title": "", "version": "1"}, "paths": paths}


class _Handler(BaseHTTPRequestHandler):
    cluster: Cluster
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _body(self) -> Any:
        raw = self._raw()
        return yaml.safe_load(raw) if raw else None

    def _raw(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send(self, answer: Answer) -> None:
        raw = json.dumps(answer[1]).encode()
        self.send_response(answer[0])
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _listed(self, path: str, query: dict[str, list[str]]) -> Answer:
        wanted = dict(re.findall(r"([^,=]+)=([^,]*)", query.get("labelSelector", [""])[0]))
        named = dict(re.findall(r"([^,=]+)=([^,]*)", query.get("fieldSelector", [""])[0]))
        items = [
            value
            for place, value in self.cluster.objects.items()
            if place.rpartition("/")[0] == path
            and wanted.items() <= value["metadata"].get("labels", {}).items()
            and value["metadata"]["name"] == named.get("metadata.name", value["metadata"]["name"])
        ]
        (kind, version) = next(
            (kind, place.removeprefix("apis/").removeprefix("api/"))
            for place, kinds in KINDS.items()
            for kind, name in kinds.items()
            if path.endswith(f"/{name}")
        )
        meta = {"resourceVersion": "1"}
        return 200, {"kind": f"{kind}List", "apiVersion": version, "metadata": meta, "items": items}

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if told := _discovered(url.path):
            self._send((200, told))
        elif "/proxy/" in url.path:
            self._send(self.cluster.proxied(url.path, None))
        elif url.path in self.cluster.objects:
            self._send((200, self.cluster.objects[url.path]))
        elif re.search(r"/namespaces/mlops/[a-z]+$", url.path):
            self._send(self._listed(url.path, parse_qs(url.query)))
        else:
            self._send(missing(url.path))

    def do_POST(self) -> None:
        path, body = urlsplit(self.path).path, self._body()
        if "/proxy/" in path:
            is_json = self.headers.get("Content-Type") == "application/json"
            self._send(self.cluster.proxied(path, body) if is_json else (415, {}))
            return
        whole = f"{path}/{body['metadata']['name']}"
        self.cluster.asked.append(f"POST {whole}")
        if whole in self.cluster.objects:
            self._send(_refused(409, "AlreadyExists", f"{whole} already exists"))
        else:
            self._send(self.cluster.put(whole, body))

    def do_PUT(self) -> None:
        path, body = urlsplit(self.path).path, self._body()
        old = self.cluster.objects.get(path, {"metadata": {}})
        given = body["metadata"].get("resourceVersion")
        if given and given != old["metadata"].get("resourceVersion"):
            self._send(_refused(409, "Conflict", "the object has been modified"))
        else:
            self._send(self.cluster.put(path, body))

    def do_PATCH(self) -> None:
        path, body = urlsplit(self.path).path, self._body()
        self.cluster.asked.append(f"PATCH {path}")
        old = self.cluster.objects.get(path)
        if old and "apply" not in self.headers["Content-Type"]:
            notes = old["metadata"].setdefault("annotations", {})
            notes.update(body["metadata"]["annotations"])
            self._send((200, old))
        else:
            self._send(self.cluster.put(path, body))

    def do_DELETE(self) -> None:
        self._body()
        path = urlsplit(self.path).path
        self.cluster.asked.append(f"DELETE {path}")
        self._send(self.cluster.delete(path))


@contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """Run a cluster; the folder gets the `config` that leads kubectl to its context mlops-qa."""
    cluster = Cluster()
    handler = type("Handler", (_Handler,), {"cluster": cluster})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "mlops-qa",
        "clusters": [
            {"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}
        ],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "mlops-qa", "context": {"cluster": "c", "user": "u"}}],
    }
    (folder / "config").write_text(yaml.safe_dump(config))
    try:
        yield cluster
    finally:
        server.shutdown()
        server.server_close()
