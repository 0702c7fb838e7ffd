"""The ports that `make serve` and `make ui` listen on, and who is there already.

Reads: PORT, the list of processes
"""

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

from mlops.doctor import outside
from mlops.doctor.finding import Finding, note, ok

COMMANDS = {"serve": 3000, "ui": 5000}


def ports() -> Iterator[Finding]:
    """Look at the port of each command, and at our own MLflow servers."""
    ours = {port: pid for pid, port in servers()}
    chosen = os.environ.get("PORT", "")
    for command, usual in COMMANDS.items():
        port = int(chosen) if chosen.isdigit() else usual
        if port in ours or free(port):
            continue
        yield note(
            "port",
            f"{port} is taken: make {command} cannot listen",
            f"make {command} PORT={port + 1}",
        )
    for port, pid in ours.items():
        yield _server(pid, port)


def free(port: int) -> bool:
    """Tell whether nobody listens on a port of loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def servers() -> list[tuple[int, int]]:
    """Return process and port of each MLflow server that serves a store of this project."""
    said = outside.program("ps", "-eww", "-o", "pid=,args=")
    store = re.escape(f"sqlite:///{Path.cwd()}/.mlflow/")
    form = re.compile(rf"^\s*(\d+) .*\bmlflow server .*--port (\d+) .*{store}", re.M)
    return [(int(pid), int(port)) for pid, port in form.findall(said.text if said else "")]


def _server(pid: int, port: int) -> Finding:
    said = outside.server(f"http://127.0.0.1:{port}/health")
    if said.good:
        return ok("MLflow", f"make ui serves at http://127.0.0.1:{port} (process {pid})")
    found = f"the server of make ui (process {pid}) is stuck: {said.text}"
    return note("MLflow", found, f"kill {pid}")
