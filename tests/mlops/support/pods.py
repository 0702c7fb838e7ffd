"""Pods that are processes on loopback, for the tests' cluster, and a real gateway before them."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import containers
import served
from cluster import Cluster

PRE_STOP = 3.0  # seconds that a pod goes on when it is in no EndpointSlice any more
GATEWAY = "/apis/gateway.networking.k8s.io/v1"
CONTROLLER = "traefik.io/gateway-controller"


@dataclass
class Processes:
    """A process for each pod; a prediction takes some milliseconds of its one thread."""

    milliseconds: float = 1
    running: dict[int, "subprocess.Popen[str]"] = field(default_factory=dict)  # by their port
    images: dict[int, str] = field(default_factory=dict)

    def start(self, image: str, _name: str) -> int:
        """Start a pod's process; return its port."""
        program = Path(__file__).with_name("pod_process.py")
        process = subprocess.Popen(
            [sys.executable, "-S", str(program), image, str(self.milliseconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        port = int(process.stdout.readline())
        self.running[port], self.images[port] = process, image
        return port

    def stop(self, port: int) -> None:
        """End a process when its preStop hook has."""
        timer = threading.Timer(PRE_STOP, self._end, (self.running.pop(port),))
        timer.daemon = True
        timer.start()

    def end(self) -> None:
        """End all that run."""
        while self.running:
            self._end(self.running.popitem()[1])

    @staticmethod
    def _end(process: "subprocess.Popen[str]") -> None:
        assert process.stdin
        with suppress(OSError):
            process.stdin.close()
        process.wait(timeout=30)


@contextmanager
def processes(milliseconds: float = 1) -> Iterator[Processes]:
    """Lend processes until the block ends."""
    found = Processes(milliseconds)
    try:
        yield found
    finally:
        found.end()


def install_gateway(cluster: Cluster, port: int, name: str = "public") -> None:
    """Make a Gateway in a namespace of its own, as an administrator does, on a port."""
    cluster.put("/api/v1/namespaces/mlops", _object("v1", "Namespace", "mlops"))
    cluster.put("/api/v1/namespaces/gateways", _object("v1", "Namespace", "gateways"))
    version = "gateway.networking.k8s.io/v1"
    kind = _object(version, "GatewayClass", "traefik")
    cluster.put(
        f"{GATEWAY}/gatewayclasses/traefik", kind | {"spec": {"controllerName": CONTROLLER}}
    )
    gateway = _object(version, "Gateway", name)
    gateway["metadata"]["namespace"] = "gateways"
    gateway["spec"] = {
        "gatewayClassName": "traefik",
        "listeners": [
            {"name": "web", "protocol": "HTTP", "port": port,
             "allowedRoutes": {"namespaces": {"from": "All"}}}
        ],
    }  # fmt: skip
    cluster.put(f"{GATEWAY}/namespaces/gateways/gateways/{name}", gateway)


def _object(version: str, kind: str, name: str) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}}


@contextmanager
def traefik(program: Path, cluster: Cluster, folder: Path) -> Iterator[int]:
    """Run Traefik as the Gateway controller of a cluster; give the port of its entry point."""
    port = served.free_port()
    provider = "--providers.kubernetesgateway"
    arguments = [
        f"--entrypoints.web.address=127.0.0.1:{port}",
        provider, f"{provider}.endpoint={cluster.url}", f"{provider}.token=none",
        "--providers.providersthrottleduration=100ms",
        "--global.checknewversion=false", "--global.sendanonymoususage=false",
        "--log.level=DEBUG",
    ]  # fmt: skip
    install_gateway(cluster, port)
    log = folder / "traefik.log"
    with log.open("w") as file:
        process = subprocess.Popen([program, *arguments], stdout=file, stderr=file)
    try:
        containers.wait_for(lambda: is_programmed(cluster), log.read_text)
        yield port
    finally:
        served.end(process)


def is_programmed(cluster: Cluster) -> bool:
    """Tell whether the controller has taken up the Gateway."""
    gateway = cluster.one("Gateway", "public")
    told = gateway.get("status", {}).get("conditions", []) if gateway else []
    return any((one["type"], one["status"]) == ("Programmed", "True") for one in told)
