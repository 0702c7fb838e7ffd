"""A machine with a podman that has volumes and nothing else, and a pod that only has metrics."""

import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import answering

# Volumes are folders; there is no pod, and no network to have an image from.
PODMAN = """#!/bin/sh
case "$1 $2" in
  "volume create") mkdir -p "{folder}/volumes/$3" ;;
  "volume inspect") echo "{folder}/volumes/$3" ;;
  "pod ps" | "images --quiet") ;;
  *) echo "Error: no network" >&2; exit 125 ;;
esac
"""
METRICS = """
bentoml_service_start_time_seconds {now}
bentoml_service_request_total{{endpoint="/predict",http_response_code="200"}} 190
bentoml_service_request_total{{endpoint="/predict",http_response_code="500"}} 10
process_start_time_seconds {now}
traefik_entrypoint_requests_total{{entrypoint="web",code="200"}} 200
"""


@dataclass
class Machine:
    """Its folder, its ports, and what a command is told of them."""

    folder: Path
    port: int
    pod: answering.Server

    @property
    def variables(self) -> dict[str, str]:
        """Return what a person types, and where podman is."""
        # The pod stands for the proxy as well, whose metrics are on the third port.
        values = {
            "deploy.target": "podman",
            "deploy.port": self.pod.port - 3,
            "monitoring.port": self.port,
        }
        return {
            "ENV": "prod",
            "SET": " ".join(f"{name}={value}" for name, value in values.items()),
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
        }

    def announce(self, roles: Mapping[str, int]) -> None:
        """Write which pods there are, as a deployment does."""
        found = [
            {
                "targets": [f"127.0.0.1:{port}"],
                "labels": {"pod": f"prod-{role}", "environment": "prod", "role": role},
            }
            for role, port in roles.items()
        ]
        folder = self.folder / "volumes" / "prod-traffic"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "targets.json").write_text(json.dumps(found), encoding="utf-8")


@contextmanager
def machine(folder: Path) -> Iterator[Machine]:
    """Give a machine with a live pod, in which nothing watches."""
    podman = folder / "bin" / "podman"
    podman.parent.mkdir(exist_ok=True)
    podman.write_text(PODMAN.format(folder=folder), encoding="utf-8")
    podman.chmod(0o755)
    text = METRICS.format(now=time.time())
    with answering.serve(answering.http(200, text, "text/plain")) as pod:
        found = Machine(folder, two_ports(), pod)
        found.announce({"live": pod.port})
        yield found


def two_ports() -> int:
    """Return a free port whose next one is free as well."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            with suppress(OSError, OverflowError):
                second.bind(("127.0.0.1", port + 1))
                return port
