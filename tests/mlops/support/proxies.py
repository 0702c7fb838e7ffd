"""The proxy of one machine as a process: Traefik with the arguments of its pod."""

import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

import served
import stations
from containers import wait_for
from mlops.config.operating import Deploy
from mlops.deployment.traefik import proxy
from mlops.deployment.traefik.traffic import FILE, Backend, Traffic


@dataclass
class Proxy:
    """Traefik, which reads its file in a folder."""

    folder: Path
    deploy: Deploy

    @property
    def port(self) -> int:
        """Where the service answers."""
        return self.deploy.port

    def write(self, traffic: Traffic) -> None:
        """Write the file by a rename; return when Traefik leads new requests where it says."""
        part = self.folder / "part"
        part.write_text(traffic.text)
        part.rename(self.folder / FILE)
        wait_for(lambda: proxy.leads(self.port, traffic), (self.folder / "log").read_text)

    def metrics(self) -> str:
        """Return what Prometheus would read."""
        url = f"http://127.0.0.1:{self.port + proxy.METRICS}/metrics"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return str(answer.read().decode())


@contextmanager
def run(program: Path, folder: Path, deploy: Deploy) -> Iterator[Proxy]:
    """Run the proxy on four free ports until the block ends."""
    deploy = deploy.model_copy(update={"port": stations.four_ports()})
    container = yaml.safe_load(proxy.pod("proxy", "volume", deploy))["spec"]["containers"][0]
    arguments = [one.replace(proxy.MOUNT, str(folder)) for one in container["args"]]
    # As on a machine, where it starts with its file: a folder without one is not watched.
    (folder / FILE).write_text(Traffic(Backend("nobody", deploy.port + 1)).text)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, *arguments], stdout=log, stderr=log)
    found = Proxy(folder, deploy)
    try:
        wait_for(lambda: _listens(found), (folder / "log").read_text)
        yield found
    finally:
        served.end(process)


def _listens(found: Proxy) -> bool:
    with suppress(OSError):
        return bool(found.metrics())
    return False
