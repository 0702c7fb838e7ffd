"""A canary on a cluster as a person starts it: kubectl, Gateway, Prometheus, versions that are bad.

Prometheus is told of the pods as a cluster tells of them, and labels them as the PodMonitor says.

Run: `python tests/mlops/support/clustered.py`, where ENV, SET, VERSION, STRATEGY and KUBECONFIG are
set: `make deploy` with images that nobody has to build
"""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import cluster
import containers
import locked
import open_loop
import pods
import served
import standin
from cluster import Cluster
from mlops.core.errors import run
from mlops.deployment import gateway
from mlops.operate.monitoring import scraping
from mlops.operate.progressive import deploy
from mlops.release import images
from mlops.release.versions.registry import Version
from open_loop import Client
from prometheus_server import prometheus

RATE = 80.0
EACH = "500ms"
SETTLE = 0.5  # seconds: this Traefik takes up changes each 0.1 s
STARTED = 5  # requests before a version gets traffic: one of the smoke test, four of held-out rows


def image(version: Version, *_: Any) -> str:
    """Return the image of a version, as if it had been built."""
    return f"registry.example.com/team/classifier@sha256:{int(version.number):064d}"


@dataclass
class StandIns(pods.Processes):
    """A service for each pod that behaves as its image."""

    texts: dict[str, str] = field(default_factory=dict)  # what the service is, by its image
    ended: Callable[[int], None] = print  # told the port of one that has ended by itself

    def start(self, image: str, _name: str) -> int:
        """Start a pod's process; return its port when it answers there."""
        port = served.free_port()
        process = subprocess.Popen(
            [sys.executable, standin.__file__, str(port), self.texts[image]], text=True
        )
        self.running[port], self.images[port] = process, image
        containers.wait_for(lambda: containers.answers(f"http://127.0.0.1:{port}/livez"), str)
        threading.Thread(target=self._watch, args=(port, process), daemon=True).start()
        return port

    def _watch(self, port: int, process: "subprocess.Popen[str]") -> None:
        if process.wait() > 0:
            self.ended(port)

    @staticmethod
    def _end(process: "subprocess.Popen[str]") -> None:
        process.terminate()
        process.wait(timeout=30)


@dataclass
class Place:
    """A cluster that is watched, and its clients."""

    kube: Cluster
    runner: StandIns
    port: int
    prometheus: str

    def behave(self, version: Version, behaviour: str = "good") -> None:
        """Let the pods of a version behave so, once they have traffic."""
        tags = version.tags
        told = {"model_sha256": tags["model.sha256"], "package": tags["bento"], "after": STARTED}
        text = json.dumps({**told, "version": version.number, "behaviour": behaviour})
        self.runner.texts[image(version)] = text

    @contextmanager
    def asked(self) -> Iterator[Client]:
        """Let clients ask until the block ends."""
        with open_loop.asking(self.port, RATE) as client:
            yield client


@contextmanager
def place(folder: Path, environment: str) -> Iterator[Place]:
    """Run all of it until the block ends; the folder gets the `config` of kubectl."""
    with ExitStack() as stack:
        kube = stack.enter_context(cluster.running(folder))
        runner = StandIns(ended=kube.restart)
        stack.callback(runner.end)
        kube.runner = runner
        traefik = locked.installed("traefik") / "traefik"
        port = stack.enter_context(pods.traefik(traefik, kube, folder))
        targets = folder / "targets.json"
        threading.Thread(target=announce, args=(kube, targets), daemon=True).start()
        config = scraped(targets, environment)
        found = stack.enter_context(prometheus(folder / "prometheus", config))
        yield Place(kube, runner, port, found.url)


def announce(kube: Cluster, file: Path) -> None:
    """Write the pods as Prometheus' own discovery tells of them, which Debian's is built without.

    Each change is written, until the cluster ends.
    """
    part = file.with_suffix(".part")
    with kube.changed:
        while not kube.is_closing:
            pods = [one for one in kube.objects.values() if one["kind"] == "Pod"]
            part.write_text(json.dumps([_discovered(pod) for pod in pods]))
            part.rename(file)
            kube.changed.wait()


def _discovered(pod: dict[str, Any]) -> dict[str, Any]:
    """Return a pod and its port under the names of kubernetes_sd_configs."""
    found, metadata = "__meta_kubernetes_pod", pod["metadata"]
    port = metadata["annotations"].get("tests/port", "0")
    labels = {f"{found}_label_{_name(key)}": value for key, value in metadata["labels"].items()}
    (container,) = pod["spec"]["containers"]
    named = {"name": metadata["name"], "container_port_name": container["ports"][0]["name"]}
    labels |= {f"{found}_{key}": value for key, value in named.items()}
    return {"targets": [f"127.0.0.1:{port}"], "labels": labels}


def scraped(file: Path, environment: str) -> dict[str, Any]:
    """Return a configuration as the Prometheus operator writes it for the PodMonitor."""
    spec = scraping.pod_monitor(environment)["spec"]
    (endpoint,) = spec["podMetricsEndpoints"]
    pod = "__meta_kubernetes_pod"
    names = {"sourceLabels": "source_labels", "targetLabel": "target_label"}
    relabel = [
        *(_keep(f"{pod}_label_{_name(k)}", v) for k, v in spec["selector"]["matchLabels"].items()),
        _keep(f"{pod}_container_port_name", endpoint["port"]),
        *({names.get(k, k): v for k, v in one.items()} for one in endpoint["relabelings"]),
    ]
    job = {
        "job_name": "pods",
        "metrics_path": endpoint["path"],
        "file_sd_configs": [{"files": [str(file)]}],
        "relabel_configs": relabel,
    }
    return {"global": {"scrape_interval": EACH, "scrape_timeout": EACH}, "scrape_configs": [job]}


def _keep(label: str, value: str) -> dict[str, Any]:
    return {"source_labels": [label], "regex": value, "action": "keep"}


def _name(label: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in label)


def main() -> None:
    """Deploy without an image."""
    with mock.patch.object(images, "find", image), mock.patch.object(gateway, "SETTLE", SETTLE):
        deploy.main()


if __name__ == "__main__":
    run(main)
