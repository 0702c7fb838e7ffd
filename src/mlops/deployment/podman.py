"""One machine: a pod for each of two versions, and a proxy that leads the traffic to one of them.

What is live is kept in a volume of podman's, so that whichever clone deploys next finds it.
"""

import fcntl
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path

from mlops.config.schema import Params
from mlops.core.errors import DeployError
from mlops.deployment import manifests, proxy, smoke_test
from mlops.deployment.machine import Container, pod_of, podman
from mlops.deployment.smoke_test import PAUSE
from mlops.deployment.target import Live

SETTLE = 1.0  # seconds in which a request that the proxy had given to the old pod gets there
SWITCH = 30  # seconds for the proxy to start or to read its file


class Podman:
    """The target `podman`."""

    def __init__(self, params: Params) -> None:
        self._deploy = params.deploy
        self._volume = f"{params.environment}-traffic"
        self._proxy = f"{params.environment}-proxy"
        port = params.deploy.port
        self._ports = {
            f"{params.environment}-{name}": port + place + 1
            for place, name in enumerate(("blue", "green"))
        }

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold a lock that ends with this process, however it ends."""
        with (self._folder / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DeployError(
                    "another deployment is at work on this machine; run the command again when it "
                    "has ended"
                ) from None
            yield

    def live(self) -> Live | None:
        """Return what the proxy's file leads to."""
        name = proxy.named(self._folder)
        text = self._text(f"{name}.yaml") if name else ""
        if not text:
            return None
        pods = (Container(name, self._deploy.port),)
        template = manifests.deployment(text)["spec"]["template"]
        return Live.of(template, self._text("record"), lambda _version: pods)

    def start(self, text: str) -> Container:
        """Start the pod that has no traffic."""
        name = self._idle
        self._remove(name)
        port = self._ports[name]
        one = manifests.one_machine(text, port, name)
        self._write(f"{name}.yaml", one)
        podman("kube", "play", "--quiet", "-", given=one)
        return Container(name, port)

    def switch(self, text: str) -> tuple[Container, ...]:
        """Lead the traffic to the pod that was started: what is live may run the same manifests."""
        name = self._idle
        started = manifests.one_machine(text, self._ports[name], name)
        if self._text(f"{name}.yaml") != started or not pod_of(name):
            raise DeployError(f"the pod {name} is gone; run the same command again")
        self._lead(name)
        return (Container(name, self._deploy.port),)

    def back(self, text: str | None) -> None:
        """Lead the traffic to the pod of `text`, started anew where it has gone."""
        if text is None:
            self._clear()
        else:
            self._lead(self._running(text) or self.start(text).name)
            self.finish()

    def finish(self) -> None:
        """Stop the pod without traffic; it answers what it has accepted."""
        time.sleep(SETTLE)
        self._remove(self._idle)

    def mark(self, record: str) -> None:
        """Keep the hash next to the proxy's file."""
        self._write("record", record)

    @cached_property
    def _folder(self) -> Path:
        with suppress(DeployError):
            podman("volume", "create", self._volume)  # fails where it is there already
        return Path(podman("volume", "inspect", self._volume, "--format", "{{.Mountpoint}}"))

    @property
    def _idle(self) -> str:
        """Return the one of both names that has no traffic."""
        live = proxy.named(self._folder)
        return next(name for name in self._ports if name != live)

    def _running(self, text: str) -> str:
        """Return which pod runs these manifests; nothing where none does."""
        live = proxy.named(self._folder)
        for name, port in sorted(self._ports.items(), key=lambda one: one[0] != live):
            started = manifests.one_machine(text, port, name)
            if self._text(f"{name}.yaml") == started and pod_of(name):
                return name
        return ""

    def _lead(self, name: str) -> None:
        """Lead the traffic to a pod that answers; return when new requests go there."""
        smoke_test.ready(Container(name, self._ports[name]), self._deploy.start_seconds)
        self._write(proxy.FILE, proxy.rules(name, self._ports[name]))
        if not podman("pod", "ps", "--quiet", "--filter", f"name=^{self._proxy}$"):
            manifest = proxy.pod(self._proxy, self._volume, self._deploy)
            podman("kube", "play", "--quiet", "-", given=manifest)
        podman("pod", "start", self._proxy)
        deadline = time.monotonic() + SWITCH
        while proxy.serves(self._deploy.port) != name:
            if time.monotonic() > deadline:
                raise DeployError(
                    f"{self._proxy} does not lead port {self._deploy.port} to {name} after "
                    f"{SWITCH} s; `podman pod logs {self._proxy}` shows why"
                )
            time.sleep(PAUSE)

    def _clear(self) -> None:
        """Leave nothing: no traffic, no pod."""
        (self._folder / proxy.FILE).unlink(missing_ok=True)
        if podman("pod", "ps", "--quiet", "--filter", f"name=^{self._proxy}$"):
            podman("pod", "rm", "--force", self._proxy)
        for name in self._ports:
            self._remove(name)

    def _remove(self, name: str) -> None:
        """Stop a pod within its grace period, remove it and what it wrote."""
        text = self._text(f"{name}.yaml")
        if not text:
            return
        spec = manifests.deployment(text)["spec"]["template"]["spec"]
        if pod := pod_of(name):
            podman("pod", "stop", "--time", str(spec["terminationGracePeriodSeconds"]), pod)
            podman("pod", "rm", "--force", pod)
        for volume in spec["volumes"]:
            if "emptyDir" in volume:  # others outlive the pod
                podman("volume", "rm", "--force", volume["name"])
        (self._folder / f"{name}.yaml").unlink()

    def _text(self, name: str) -> str:
        path = self._folder / name
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def _write(self, name: str, text: str) -> None:
        """Write a file whole or not at all: the proxy may read it at any moment."""
        part = self._folder / f".{name}.part"
        part.write_text(text, encoding="utf-8")
        part.chmod(0o644)
        shutil.move(part, self._folder / name)
