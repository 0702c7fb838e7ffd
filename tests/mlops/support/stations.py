"""A machine to deploy to, and constant load on it, for the slow tests."""

import http.client
import json
import random
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import containers
import served

# What leads the traffic, as its makers' image has it: one static program.
PROXY = "localhost/traefik:tests"
DOCKERFILE = """
FROM scratch
COPY traefik /traefik
ENTRYPOINT ["/traefik"]
"""


@dataclass
class Station:
    """A machine that runs what is deployed, and how it is named in SET."""

    engine: containers.Engine
    port: int
    proxy: str

    def settings(self, **changes: str) -> str:
        """Return SET for this machine."""
        values = {
            "target": "podman",
            "image": f"{self.engine.registry}/team/classifier",
            "build_options.network": "host",
            "port": str(self.port),
            "proxy": self.proxy,
            **changes,
        }
        return " ".join(f"deploy.{name}={value}" for name, value in values.items())

    @property
    def variables(self) -> dict[str, str]:
        """Return what leads podman to this machine's state."""
        return {k: v for k, v in self.engine.environment.items() if k.startswith("CONTAINERS_")}


def proxy(engine: containers.Engine, folder: Path) -> str:
    """Make the proxy's image of the program that its package has."""
    programs = served.locked_environment(folder / "venv", "traefik")
    context = folder / "traefik"
    context.mkdir()
    shutil.copy(programs / "traefik", context)
    (context / "Dockerfile").write_text(DOCKERFILE)
    engine.podman("build", "--quiet", "--tag", PROXY, str(context))
    return PROXY


def four_ports() -> int:
    """Return a port that is free, as are the next three, below those that clients are given."""
    while True:
        port = random.randrange(20_000, 32_000)
        if all(map(_free, range(port, port + 4))):
            return port


def _free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


BODY = json.dumps({"text": "the film was good"})
HEADERS = {"Content-Type": "application/json"}
PACE = 0.05  # seconds between two requests of a client


@dataclass
class Load:
    """What clients saw who asked all the time: answers by their model, and failures."""

    port: int
    answered: dict[str, int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def ask(self, stays: bool) -> None:
        """Ask until the load is over, over one connection or over a new one each time."""
        connection = self._connect()
        while not self._over.wait(PACE):
            try:
                connection.request("POST", "/predict", BODY, HEADERS)
                answer = connection.getresponse()
                told = json.loads(answer.read())
                if answer.status != 200:
                    raise OSError(f"status {answer.status}: {told}")
                name = answer.headers["X-Served-By"]
                self.answered[name] = self.answered.get(name, 0) + 1
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.failed.append(repr(error))
                connection.close()
            if not stays:
                connection.close()
        connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def end(self) -> None:
        """Let the clients stop asking."""
        self._over.set()


@contextmanager
def load(port: int, clients: int = 4) -> Iterator[Load]:
    """Ask a service all the time, from several clients, until the block ends."""
    found = Load(port)
    threads = [threading.Thread(target=found.ask, args=(n % 2 == 0,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        found.end()
        for thread in threads:
            thread.join()
