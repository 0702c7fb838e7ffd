"""What an API server does with the objects that it is sent, for the tests' own."""

import copy
import json
import urllib.error
import urllib.request
from typing import Any

Answer = tuple[int, Any]
Object = dict[str, Any]


def missing(path: str) -> Answer:
    """Return the answer for what is not there."""
    return refused(404, "NotFound", f'"{path.rpartition("/")[2]}" not found')


def refused(code: int, reason: str, message: str) -> Answer:
    """Return an answer that is no success."""
    return code, {
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "code": code, "reason": reason, "message": message,
    }  # fmt: skip


def applied(old: Object, before: Object, given: Object) -> Object:
    """Return an object after an apply: fields that others have set stay, lists are of one owner."""
    kept = {key: value for key, value in old.items() if key in given or key not in before}
    for key, value in given.items():
        if isinstance(value, dict):
            parts = (part.get(key) for part in (old, before))
            former = [part if isinstance(part, dict) else {} for part in parts]
            kept[key] = applied(former[0], former[1], value)
        else:
            kept[key] = copy.deepcopy(value)
    return kept


def merged(old: Any, patch: Any) -> Any:
    """Return a value after a merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    kept = copy.deepcopy(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            kept.pop(key, None)
        else:
            kept[key] = merged(kept.get(key), value)
    return kept


def pod(name: str, template: Object) -> Object:
    """Return a pod that runs, as a Deployment makes it."""
    image = template["spec"]["containers"][0]["image"]
    started = [{"restartCount": 0, "state": {"running": {}}, "image": image}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "mlops", **copy.deepcopy(template["metadata"])},
        "spec": copy.deepcopy(template["spec"]),
        "status": {"phase": "Running", "containerStatuses": started},
    }


def answers(pod: Object, port: int) -> None:
    """Say in a pod where it answers: all pods of these tests have one address."""
    pod["status"]["podIP"] = "127.0.0.1"
    pod["metadata"].setdefault("annotations", {})["tests/port"] = str(port)


def restarted(pod: Object) -> Object:
    """Return a pod whose container has ended and is to be started again."""
    found = copy.deepcopy(pod)
    (container,) = found["status"]["containerStatuses"]
    container |= {"restartCount": 1, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    return found


def slices(objects: list[Object], ports: dict[str, int], pods: str) -> dict[str, Object]:
    """Return an EndpointSlice for each pod that runs and that a Service selects, by its name."""
    found = {}
    for service in (one for one in objects if one["kind"] == "Service"):
        name, selector = service["metadata"]["name"], service["spec"]["selector"].items()
        for pod in (one for one in objects if one["kind"] == "Pod"):
            port = ports.get(f"{pods}/{pod['metadata']['name']}")
            if port and selector <= pod["metadata"]["labels"].items():
                found[f"{name}-{port}"] = _slice(service, port, "running" in _state(pod))
    return found


def _state(pod: Object) -> Object:
    (container,) = pod["status"]["containerStatuses"]
    found: Object = container["state"]
    return found


def _slice(service: Object, port: int, ready: bool) -> Object:
    name = service["metadata"]["name"]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{name}-{port}",
            "namespace": service["metadata"]["namespace"],
            "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": ["127.0.0.1"], "conditions": {"ready": ready, "serving": ready}}
        ],
        "ports": [{"name": service["spec"]["ports"][0]["name"], "port": port, "protocol": "TCP"}],
    }


def asked(port: int, path: str, body: Any) -> Answer:
    """Ask a pod that runs."""
    raw = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=raw)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
