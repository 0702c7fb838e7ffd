"""Machines as the doctor may find them: programs that are made up, servers on loopback."""

import http.server
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlops.doctor.finding import Finding


def programs(folder: Path, monkeypatch: pytest.MonkeyPatch, **scripts: str) -> None:
    """Leave only these programs on the PATH, each a line of shell; `_` in a name is a hyphen."""
    folder.mkdir()
    for name, line in scripts.items():
        path = folder / name.replace("_", "-")
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def told(found: Finding) -> str:
    """Return a finding as one line."""
    return " ".join(found.lines().split())


def unused() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def answering(pages: Mapping[str, str]) -> Iterator[str]:
    """Serve pages, and 404 for any other; give the address."""

    class Pages(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer."""
            page = pages.get(self.path.partition("?")[0])
            self.send_response(404 if page is None else 200)
            self.end_headers()
            self.wfile.write((page or "").encode())

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
