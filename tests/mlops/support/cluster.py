"""What kubectl and a gateway talk to: an API server in memory, for none can be had here.

It knows as much of Kubernetes' API as a deployment takes: objects, versions, server-side apply,
patches, status, watches, discovery, and pods behind its proxy. What kubectl sends is what a real
one gets. What controllers would do with it is done here, and shorter: a Deployment's pods follow it
at once (or are `stuck`), nothing is scheduled or scaled, and a Service's EndpointSlices have the
pods that it selects. With a `runner` each pod is a process that answers on loopback, and they are
replaced one after the other.
"""

import copy
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import yaml

import api_objects
import api_server
from api_discovery import KINDS

Answer = api_objects.Answer
# What a pod of an image answers: to a path and a body, status and JSON.
Serving = Callable[[str, Any], Answer]
PODS = "/api/v1/namespaces/mlops/pods"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/mlops/endpointslices"


class Runner(Protocol):
    """What makes pods real."""

    def start(self, image: str, name: str) -> int:
        """Start a pod's process; return the port on which it answers, once it does."""

    def stop(self, port: int) -> None:
        """End what answers there; a preStop hook lets it go on until nobody asks it any more."""


@dataclass
class Cluster:
    """The objects of a cluster, and what becomes of a Deployment."""

    serving: dict[str, Serving] = field(default_factory=dict)  # by the image
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)  # by their path
    asked: list[str] = field(default_factory=list)  # methods and paths that changed something
    stuck: set[str] = field(default_factory=set)  # images whose pods never become ready
    kinds: dict[str, dict[str, str]] = field(default_factory=lambda: copy.deepcopy(KINDS))
    runner: Runner | None = None
    url: str = ""
    changed: threading.Condition = field(default_factory=threading.Condition)
    events: list[tuple[int, str, str, Any]] = field(default_factory=list)  # version, type, path
    is_closing: bool = False
    _applied: dict[str, dict[str, Any]] = field(default_factory=dict)
    _ports: dict[str, int] = field(default_factory=dict)  # of pods that run, by their path
    _rolling: dict[str, int] = field(default_factory=dict)  # generations, by the Deployment's path
    _count: int = 0

    @property
    def version(self) -> int:
        """Return the version of the newest change."""
        return self._count

    def put(self, path: str, value: dict[str, Any]) -> Answer:
        """Store an object under a new version; pods follow their Deployment."""
        with self.changed:
            for port in value["spec"]["ports"] if value["kind"] == "Service" else ():
                port.setdefault("protocol", "TCP")  # as an API server does; gateways ask for it
            self._store(path, value)
            if value["kind"] == "Deployment":
                self._roll(path, value)
            if value["kind"] == "Service":
                self._select()
            return 200, self.objects[path]

    def apply(self, path: str, given: dict[str, Any]) -> Answer:
        """Apply on the server: what others have set stays, what was applied before goes."""
        with self.changed:
            old = copy.deepcopy(self.objects.get(path, {}))
            value = api_objects.applied(old, self._applied.get(path, {}), given)
            self._applied[path] = copy.deepcopy(given)
            return self.put(path, value)

    def patch(self, path: str, body: Any) -> Answer:
        """Merge a patch into an object that is there (RFC 7386)."""
        with self.changed:
            old = self.objects.get(path)
            if old is None:
                return api_objects.missing(path)
            given = body.get("metadata", {}).get("resourceVersion")
            if given not in (None, old["metadata"]["resourceVersion"]):
                return api_objects.refused(409, "Conflict", "the object has been modified")
            return self.put(path, api_objects.merged(old, body))

    def put_status(self, path: str, status: Any) -> Answer:
        """Store what a controller says about an object, and nothing else of it."""
        with self.changed:
            if path not in self.objects:
                return api_objects.missing(path)
            self._store(path, {**copy.deepcopy(self.objects[path]), "status": status})
            return 200, self.objects[path]

    def delete(self, path: str) -> Answer:
        """Remove an object, with its pods."""
        with self.changed:
            gone = self.objects.get(path)
            if gone is None:
                return api_objects.missing(path)
            self._applied.pop(path, None)
            self._rolling.pop(path, None)
            self._drop(path)
            if gone["kind"] == "Deployment":
                self._end_pods(gone["metadata"]["name"], {})
            self._select()
            return 200, {"kind": "Status", "apiVersion": "v1", "status": "Success"}

    def _store(self, path: str, value: dict[str, Any]) -> None:
        self._count += 1
        old = self.objects.get(path)
        new: dict[str, Any] = {"uid": f"u{self._count}", "generation": 0}
        kept = old["metadata"] if old else new
        changed = old is None or old.get("spec") != value.get("spec")
        value["metadata"] |= {
            "uid": kept["uid"],
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "resourceVersion": str(self._count),
            "generation": kept["generation"] + changed,
        }
        self.objects[path] = value
        self._tell("MODIFIED" if old else "ADDED", path, value)

    def _drop(self, path: str) -> None:
        self._count += 1
        self._tell("DELETED", path, self.objects.pop(path))

    def _tell(self, kind: str, path: str, value: dict[str, Any]) -> None:
        self.events.append((self._count, kind, path, copy.deepcopy(value)))
        self.changed.notify_all()

    def _roll(self, path: str, deployment: dict[str, Any]) -> None:
        template, replicas = deployment["spec"]["template"], deployment["spec"].get("replicas", 2)
        name, generation = deployment["metadata"]["name"], deployment["metadata"]["generation"]
        wanted = {
            f"{PODS}/{name}-{number}": api_objects.pod(f"{name}-{number}", template)
            for number in range(replicas)
        }
        if self.runner is None:
            self._end_pods(name, wanted)
            self._progress(path, replicas, replicas)
        elif self._rolling.get(path) != generation:
            self._rolling[path] = generation
            self._progress(path, 0, replicas)
            work = (path, generation, wanted, self.runner)
            threading.Thread(target=self._roll_pods, args=work, daemon=True).start()

    def _roll_pods(
        self, path: str, generation: int, wanted: dict[str, Any], runner: Runner
    ) -> None:
        """Replace one pod after the other: a new one is ready before its old one goes."""
        for done, (place, pod) in enumerate(wanted.items(), 1):
            if not self._is_same(self.objects.get(place), pod):
                port = runner.start(pod["spec"]["containers"][0]["image"], pod["metadata"]["name"])
                with self.changed:
                    if self._is_stale(path, generation):
                        runner.stop(port)
                        return
                    over, self._ports[place] = self._ports.get(place), port
                    api_objects.answers(pod, port)
                    if over:
                        self._drop(place)
                    self._store(place, pod)
                    self._select()
                if over:
                    runner.stop(over)
            with self.changed:
                if self._is_stale(path, generation):
                    return
                self._progress(path, done, len(wanted))
        with self.changed:
            if not self._is_stale(path, generation):
                self._end_pods(path.rpartition("/")[2], wanted)

    def _is_stale(self, path: str, generation: int) -> bool:
        found = self.objects.get(path)
        return found is None or found["metadata"]["generation"] != generation

    def _progress(self, path: str, done: int, replicas: int) -> None:
        """Say how far the pods of a Deployment are, as its controller does."""
        deployment = self.objects[path]
        image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
        ready = image not in self.stuck or "candidate" in path
        reason = "NewReplicaSetAvailable" if ready else "ProgressDeadlineExceeded"
        status = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": replicas, "updatedReplicas": done, "availableReplicas": replicas,
            "conditions": [
                {"type": "Progressing", "status": str(ready), "reason": reason, "message": reason}
            ],
        }  # fmt: skip
        self._store(path, {**copy.deepcopy(deployment), "status": status})

    def _end_pods(self, deployment: str, wanted: dict[str, Any]) -> None:
        """Make a Deployment's pods these; one that is as it was stays, an old one goes last."""
        old = {p for p in self.objects if re.fullmatch(rf"{PODS}/{deployment}-\d+", p)}
        same = {p for p in old & set(wanted) if self._is_same(self.objects[p], wanted[p])}
        over = {path: self._ports.pop(path, 0) for path in old - same}
        for path in set(wanted) - same:
            if path in self.objects:
                self._drop(path)
            self._store(path, wanted[path])
        for path in old - set(wanted):
            self._drop(path)
        self._select()
        if self.runner:
            for port in filter(None, over.values()):
                self.runner.stop(port)

    @staticmethod
    def _is_same(pod: dict[str, Any] | None, wanted: dict[str, Any]) -> bool:
        if pod is None:
            return False
        labels = [one["metadata"].get("labels") for one in (pod, wanted)]
        return bool(pod["spec"] == wanted["spec"] and labels[0] == labels[1])

    def _select(self) -> None:
        """Lead each Service to its pods: one slice for each, for each has a port of its own."""
        if self.runner is None:
            return
        wanted = api_objects.slices(list(self.objects.values()), self._ports, PODS)
        for path in [p for p in self.objects if p.startswith(f"{SLICES}/")]:
            if path.removeprefix(f"{SLICES}/") not in wanted:
                self._drop(path)
        for name, value in wanted.items():
            old = self.objects.get(f"{SLICES}/{name}", {})
            if old.get("endpoints") != value["endpoints"]:
                self._store(f"{SLICES}/{name}", value)

    def restart(self, port: int) -> None:
        """Say of the pod that answered there what is said of one whose container has ended."""
        with self.changed:
            for path in [path for path, one in self._ports.items() if one == port]:
                self._store(path, api_objects.restarted(self.objects[path]))
            self._select()

    def one(self, kind: str, name: str = "model-server") -> dict[str, Any] | None:
        """Return an object by its kind and name."""
        found = list(self.objects.values())
        return next((o for o in found if o["kind"] == kind and o["metadata"]["name"] == name), None)

    def proxied(self, path: str, body: Any) -> Answer:
        """Ask a pod."""
        found = re.fullmatch(rf"({PODS}/([\w-]+)):3000/proxy(/.*)", path)
        assert found
        pod = self.objects.get(found[1])
        if pod is None:
            return api_objects.missing(path)
        if found[1] in self._ports:
            return api_objects.asked(self._ports[found[1]], found[3], body)
        image = pod["status"]["containerStatuses"][0]["image"]
        return self.serving[image](found[3], body)


@contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """Run a cluster; the folder gets the `config` that leads kubectl to its context mlops-qa."""
    cluster = Cluster()
    with api_server.serve(cluster) as cluster.url:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "mlops-qa",
            "clusters": [{"name": "c", "cluster": {"server": cluster.url}}],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "mlops-qa", "context": {"cluster": "c", "user": "u"}}],
        }
        (folder / "config").write_text(yaml.safe_dump(config))
        yield cluster
