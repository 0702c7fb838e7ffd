"""A target whose pods are processes of this machine, with the real proxy and Prometheus.

All of its state lies in a folder: whoever judges may be killed, and another process goes on.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

import served
import standin
from mlops.client import exchange
from mlops.client.address import Address
from mlops.client.failure import ServiceError
from mlops.deployment import machine, mover
from mlops.deployment.mover import Arm, Split
from mlops.deployment.podman import SETTLE
from mlops.deployment.target import BusyError, Live
from mlops.deployment.traefik import traffic
from mlops.deployment.traefik.traffic import Backend, Traffic
from proxies import Proxy

NAMES = ("qa-blue", "qa-green")


@dataclass
class Pod:
    """A process that stands in for a pod."""

    name: str
    port: int
    pid: int

    def ask(self, path: str, body: Any = None) -> Any:
        """Return the parsed answer."""
        try:
            answer = exchange.fetch(Address("http", "127.0.0.1", self.port), path, body, 5)
        except ServiceError as error:
            raise OSError(error.found) from None
        if answer.status != 200:
            raise OSError(f"status {answer.status}")
        return answer.value

    def ended(self) -> str:
        """Return that the process is no more."""
        with suppress(psutil.NoSuchProcess):
            if psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE:
                return ""
        return "exit code 137 (out of memory)"


@dataclass
class Loopback:
    """The target."""

    proxy: Proxy

    @property
    def folder(self) -> Path:
        """Where its state lies."""
        return self.proxy.folder

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep others out."""
        with (self.folder / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BusyError("another deployment is at work") from None
            yield

    def live(self) -> Live | None:
        """Return what has the traffic."""
        name = traffic.named(self.folder)
        if name not in NAMES:
            return None
        found = self._version(name)
        pods = (self.pod(name),)
        record = self.folder / "record"
        hashed = record.read_text() if record.exists() else ""
        return Live(found.version, found.model_sha256, "commit", "image", hashed, pods)

    def start(self, text: str) -> Pod:
        """Start a process."""
        name, port = self._idle, served.free_port()
        self._remove(name)
        process = subprocess.Popen(
            [sys.executable, standin.__file__, str(port), text], start_new_session=True
        )
        state = {"port": port, "pid": process.pid, "text": text}
        (self.folder / f"{name}.json").write_text(json.dumps(state))
        self._announce()
        return self.pod(name)

    def switch(self, _text: str) -> tuple[Pod, ...]:
        """Give all of the traffic to the second."""
        name = self._idle
        self._route(Traffic(self._backend(name)))
        return (self.pod(name),)

    def split(self, _text: str, split: Split) -> None:
        """Divide the traffic."""
        live, second = traffic.named(self.folder), self._idle
        self._route(Traffic(self._backend(live), self._backend(second), split))

    def divided(self) -> Split | None:
        """Return how."""
        return traffic.divided(self.folder)

    def arms(self) -> tuple[Arm, Arm]:
        """Return both versions."""
        return self._arm(traffic.named(self.folder)), self._arm(self._idle)

    def back(self, text: str | None) -> None:
        """Give the traffic back."""
        live = traffic.named(self.folder)
        if text and live in NAMES:
            if self.pod(live).ended():
                live = self.start(text).name
            self._route(Traffic(self._backend(live)))
            self.finish()

    def finish(self) -> None:
        """End the one without traffic, when it has answered what it accepted."""
        time.sleep(SETTLE)
        self._remove(self._idle)

    def mark(self, record: str) -> None:
        """Keep a hash."""
        (self.folder / "record").write_text(record)

    def end(self) -> None:
        """End all processes."""
        for name in NAMES:
            self._remove(name)

    def pod(self, name: str) -> Pod:
        """Return a process."""
        found = self._state(name)
        return Pod(name, found["port"], found["pid"])

    @property
    def _idle(self) -> str:
        return next(name for name in NAMES if name != traffic.named(self.folder))

    def _state(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / f"{name}.json").read_text())
        return found

    def _version(self, name: str) -> standin.Version:
        return standin.Version(**json.loads(self._state(name)["text"]))

    def _backend(self, name: str) -> Backend:
        return Backend(name, self._state(name)["port"])

    def _arm(self, name: str) -> Arm:
        pods = f'environment="qa",pod="{name}"'
        return Arm(self._version(name).version, pods, f'service="{name}@file"')

    def _route(self, wanted: Traffic) -> None:
        self.proxy.write(wanted)
        self._announce()

    def _announce(self) -> None:
        live, split = traffic.named(self.folder), traffic.divided(self.folder)
        found = {
            name: (self._state(name)["port"], mover.role(name == live, split))
            for name in NAMES
            if (self.folder / f"{name}.json").exists()
        }
        part = self.folder / "targets.part"
        part.write_text(machine.scraped("qa", found))
        part.rename(self.folder / machine.TARGETS)

    def _remove(self, name: str) -> None:
        path = self.folder / f"{name}.json"
        if path.exists():
            with suppress(ProcessLookupError):
                os.kill(self.pod(name).pid, signal.SIGTERM)
            path.unlink()
            self._announce()


def scraped(folder: Path, metrics: int) -> dict[str, Any]:
    """Return a configuration of Prometheus: the pods by their file, and the proxy."""
    return {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
        "scrape_configs": [
            {
                "job_name": "model-server",
                "file_sd_configs": [{"files": [str(folder / machine.TARGETS)]}],
            },
            {"job_name": "proxy", "static_configs": [{"targets": [f"127.0.0.1:{metrics}"]}]},
        ],
    }
