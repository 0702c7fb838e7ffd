"""One machine: a pod for each of two versions, and a proxy that leads the traffic to them.

What is live is kept in a volume of podman's, so that whichever clone deploys next finds it.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager

from mlops.config.schema import Params
from mlops.core.errors import DeployError
from mlops.deployment import machine, manifests, mover, smoke_test
from mlops.deployment.machine import Container, Volume, pod_of, podman
from mlops.deployment.mover import Arm, Split
from mlops.deployment.smoke_test import PAUSE
from mlops.deployment.target import BusyError, Live
from mlops.deployment.traefik import proxy, traffic
from mlops.deployment.traefik.traffic import Backend, Traffic

SETTLE = 1.0  # seconds in which a request that the proxy had given to the old pod gets there
SWITCH = 30  # seconds for the proxy to start or to read its file


class Podman:
    """The target `podman`."""

    def __init__(self, params: Params) -> None:
        self._deploy, self._environment = params.deploy, params.environment
        self._most = params.serving.max_body_bytes
        self._volume = Volume(f"{params.environment}-traffic")
        self._proxy = f"{params.environment}-proxy"
        port = params.deploy.port
        self._ports = {
            f"{params.environment}-{name}": port + place + 1
            for place, name in enumerate(("blue", "green"))
        }

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold a lock that ends with this process, however it ends."""
        with (self._volume.path / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BusyError(
                    "another deployment is at work on this machine; run the command again when it "
                    "has ended"
                ) from None
            yield

    def live(self) -> Live | None:
        """Return what the proxy's file leads to."""
        name = traffic.named(self._volume.path)
        text = self._volume.read(f"{name}.yaml") if name else ""
        if not text:
            return None
        # Through the proxy, another version may answer while the traffic is divided.
        shared = self._volume.read(traffic.FILE).startswith("#")
        pods = (Container(name, self._ports[name] if shared else self._deploy.port),)
        template = manifests.deployment(text)["spec"]["template"]
        return Live.of(template, self._volume.read("record"), lambda _version: pods)

    def start(self, text: str) -> Container:
        """Start the pod that has no traffic."""
        name = self._idle
        self._remove(name)
        port = self._ports[name]
        one = manifests.one_machine(text, port, name)
        self._volume.write(f"{name}.yaml", one)
        podman("kube", "play", "--quiet", "-", given=one)
        self._announce()
        return Container(name, port)

    def switch(self, text: str) -> tuple[Container, ...]:
        """Lead the traffic to the pod that was started: what is live may run the same manifests."""
        name = self._started(text)
        self._lead(name)
        return (Container(name, self._deploy.port),)

    def split(self, text: str, split: Split) -> None:
        """Divide the traffic between the live pod and the one that was started."""
        live, second = traffic.named(self._volume.path), self._started(text)
        self._route(Traffic(self._backend(live), self._backend(second), split, self._most))

    def divided(self) -> Split | None:
        """Return what the proxy's file says of its weights."""
        return traffic.divided(self._volume.path)

    def arms(self) -> tuple[Arm, Arm]:
        """Return the live pod and the other one."""
        return self._arm(traffic.named(self._volume.path)), self._arm(self._idle)

    def back(self, text: str | None) -> None:
        """Lead the traffic to the pod of `text`, started anew where it has gone."""
        if text is None:
            self._clear()
            return
        if live := traffic.named(self._volume.path):  # all to it, before anything is waited for
            self._volume.write(traffic.FILE, Traffic(self._backend(live)).text)
        if name := self._running(text):
            podman("pod", "start", pod_of(name))  # it may have ended
        self._lead(name or self.start(text).name)
        self.finish()

    def finish(self) -> None:
        """Stop the pod without traffic; it answers what it has accepted."""
        time.sleep(SETTLE)
        self._remove(self._idle)

    def mark(self, record: str) -> None:
        """Keep the hash next to the proxy's file."""
        self._volume.write("record", record)

    @property
    def _idle(self) -> str:
        """Return the one of both names that has no traffic."""
        live = traffic.named(self._volume.path)
        return next(name for name in self._ports if name != live)

    def _running(self, text: str, *names: str) -> str:
        """Return which pod runs these manifests, the live one first; nothing where none does."""
        live = traffic.named(self._volume.path)
        for name in names or sorted(self._ports, key=lambda one: one != live):
            started = manifests.one_machine(text, self._ports[name], name)
            if self._volume.read(f"{name}.yaml") == started and pod_of(name):
                return name
        return ""

    def _lead(self, name: str) -> None:
        """Lead the traffic to a pod that answers; return when new requests go there."""
        smoke_test.ready(Container(name, self._ports[name]), self._deploy.start_seconds)
        self._route(Traffic(self._backend(name)))

    def _route(self, wanted: Traffic) -> None:
        """Write the proxy's file; return when new requests go where it says."""
        self._volume.write(traffic.FILE, wanted.text)
        self._announce()
        if not podman("pod", "ps", "--quiet", "--filter", f"name=^{self._proxy}$"):
            manifest = proxy.pod(self._proxy, self._volume.name, self._deploy)
            podman("kube", "play", "--quiet", "-", given=manifest)
        podman("pod", "start", self._proxy)
        deadline = time.monotonic() + SWITCH
        while not proxy.leads(self._deploy.port, wanted):
            if time.monotonic() > deadline:
                raise DeployError(
                    f"{self._proxy} does not lead port {self._deploy.port} to {wanted.live.name} "
                    f"after {SWITCH} s; `podman pod logs {self._proxy}` shows why"
                )
            time.sleep(PAUSE)

    def _announce(self) -> None:
        """Write what Prometheus scrapes, and as what, for its discovery by files."""
        live, split = traffic.named(self._volume.path), traffic.divided(self._volume.path)
        roles = {
            name: mover.role(name == live, split)
            for name in self._ports
            if (self._volume.path / f"{name}.yaml").exists()
        }
        found = {name: (self._ports[name], role) for name, role in roles.items()}
        self._volume.write(machine.TARGETS, machine.scraped(self._environment, found))

    def _backend(self, name: str) -> Backend:
        return Backend(name, self._ports[name])

    def _arm(self, name: str) -> Arm:
        version = manifests.registered(self._volume.read(f"{name}.yaml"))
        # The same number may be another version in another environment of this machine.
        pods = f'environment="{self._environment}",pod="{name}"'
        return Arm(version, pods, f'service="{name}@file"')

    def _started(self, text: str) -> str:
        """Return the pod without the traffic that runs these manifests."""
        if self._running(text, name := self._idle) != name:
            raise DeployError(f"the pod {name} is gone; run the same command again")
        return name

    def _clear(self) -> None:
        """Leave nothing: no traffic, no pod."""
        (self._volume.path / traffic.FILE).unlink(missing_ok=True)
        if podman("pod", "ps", "--quiet", "--filter", f"name=^{self._proxy}$"):
            podman("pod", "rm", "--force", self._proxy)
        for name in self._ports:
            self._remove(name)

    def _remove(self, name: str) -> None:
        """Stop a pod within its grace period, remove it and what it wrote."""
        text = self._volume.read(f"{name}.yaml")
        if not text:
            return
        spec = manifests.deployment(text)["spec"]["template"]["spec"]
        if pod := pod_of(name):
            podman("pod", "stop", "--time", str(spec["terminationGracePeriodSeconds"]), pod)
            podman("pod", "rm", "--force", pod)
        for volume in spec["volumes"]:
            if "emptyDir" in volume:  # others outlive the pod
                podman("volume", "rm", "--force", volume["name"])
        (self._volume.path / f"{name}.yaml").unlink()
        self._announce()
