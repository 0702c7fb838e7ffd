"""Serve the model of the work tree on loopback until it is interrupted.

Reads: ENV, what `package` reads of the work tree, PORT (3000 unless set)
Writes: models/bento/, .runs/serve-PORT/
"""

import errno
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from mlops.core.errors import ServingError, run
from mlops.release.versions import bundle

SERVICE = "ml.service:Classifier"
NAME = "classifier"  # as BentoML's configuration calls it
ADDRESS = "127.0.0.1"
DEFAULT = 3000
PORTS = range(1, 65536)


def main() -> None:
    """Replace this process by BentoML's server."""
    port = asked_port()
    check_free(port)
    program, *words = command(port)
    os.execv(program, [program, *words])


def command(port: int) -> list[str]:
    """Lay out what is served, say where it will be, and return the command that serves it."""
    info = bundle.lay_out()
    where = "" if port == DEFAULT else f" PORT={port}"
    sys.stderr.write(
        f"{info['name']} {info['version']} of {info['environment']} at http://{ADDRESS}:{port} "
        f'(Ctrl+C ends it); ask it: make predict{where} TEXT="..."\n'
    )
    os.environ.update(variables(port))
    return words(port)


def variables(port: int) -> dict[str, str]:
    """Return the variables of a server: the code that serves, and a home of its own."""
    source = str(Path(__file__).resolve().parents[2])
    paths = [source, *filter(None, [os.environ.get("PYTHONPATH")])]
    # A server's counts lie in BentoML's home, and the next server of that home deletes them.
    home = str(Path(".runs", f"serve-{port}").resolve())
    return {"PYTHONPATH": os.pathsep.join(paths), "BENTOML_HOME": home}


def words(port: int) -> list[str]:
    """Return the command that serves on a port of loopback."""
    bentoml = str(Path(sys.executable).with_name("bentoml"))
    return [bentoml, "serve", SERVICE, "--host", ADDRESS, "--port", str(port)]


def asked_port() -> int:
    """Return PORT as a number."""
    given = os.environ.get("PORT") or str(DEFAULT)
    if not (given.isascii() and given.isdecimal()) or int(given) not in PORTS:
        raise ServingError(f"PORT: expected a number from 1 to 65535, found {given!r}")
    return int(given)


def check_free(port: int, verb: str = "serve") -> None:
    """Refuse a port that another program has, before BentoML does with a traceback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except PermissionError:
            raise ServingError(
                f"port {port} is reserved for root. Choose one from 1024 on: make {verb} PORT=3000"
            ) from None
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise ServingError(
                f"port {port} is in use{holder(port)}. End that, or choose another: "
                f"make {verb} PORT={min(port + 1, PORTS[-1])}"
            ) from None


def holder(port: int) -> str:
    """Return who listens on a port, where this user may know it."""
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.pid and _listens(connection, port):
                process = psutil.Process(connection.pid)
                # A supervisor shares its socket with its workers, and would start them again.
                while (above := process.parent()) and any(
                    _listens(other, port) for other in above.net_connections("tcp")
                ):
                    process = above
                return f" by process {process.pid} ({' '.join(process.cmdline())[:80]})"
    return ""


def _listens(connection: Any, port: int) -> bool:
    return bool(connection.status == psutil.CONN_LISTEN and connection.laddr.port == port)


if __name__ == "__main__":
    run(main)
