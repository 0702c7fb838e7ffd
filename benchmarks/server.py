"""A server while it is measured: start to first answer, CPU time, memory, end."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from commands import environment
from contenders import Contender

START = 90.0  # seconds that a server may take to its first answer
END = 15.0
MB = 2**20
FIRST = "The film is superb."


class Server:
    """A started process with all that it starts in turn."""

    def __init__(self, process: psutil.Popen, url: str, log: Path) -> None:
        self.process, self.url, self.log = process, url, log
        self.first_answer = 0.0  # seconds after the start

    def wait(self, body: str, started: float) -> None:
        """Ask until the first good answer comes."""
        while time.monotonic() - started < START:
            if self.process.poll() is not None:
                break
            if asked(self.url, body):
                self.first_answer = time.monotonic() - started
                return
            time.sleep(0.02)
        told = "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        raise SystemExit(f"error: expected an answer from {self.url} within {START:.0f} s:\n{told}")

    def family(self) -> list[psutil.Process]:
        """Return the process and all below it."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return [self.process, *self.process.children(recursive=True)]
        return []

    def cpu(self) -> float:
        """Return the CPU seconds that all of them have taken."""
        return sum(sum(process.cpu_times()[:2]) for process in self.family())

    def memory(self) -> tuple[float, float]:
        """Return the resident MB of the largest process, and of all."""
        sizes = [process.memory_info().rss / MB for process in self.family()]
        return max(sizes), sum(sizes)

    def end(self) -> None:
        """End it as a supervisor would; what is left of it after that is killed."""
        family = self.family()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        _, left = psutil.wait_procs(family, timeout=END)
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=END)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # helpers that outlived their parent


@contextlib.contextmanager
def serving(contender: Contender, log: Path, **variables: str) -> Iterator[Server]:
    """Start a server, wait for its first answer, and end it afterwards."""
    port = str(free_port())
    own = environment(**contender.variables, **variables)
    # Servers look for their helpers beside their own program.
    own["PATH"] = os.pathsep.join((str(Path(contender.command[0]).parent), own["PATH"]))
    started = time.monotonic()
    with log.open("wb") as out:
        process = psutil.Popen(
            [word.replace("{port}", port) for word in contender.command],
            cwd=log.parent, env=own, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    server = Server(process, f"http://127.0.0.1:{port}{contender.path}", log)
    try:
        server.wait(contender.body(FIRST), started)
        yield server
    finally:
        server.end()


def asked(url: str, body: str) -> bool:
    """Say whether a request is answered with 200."""
    host, path = url.removeprefix("http://").split("/", 1)
    connection = http.client.HTTPConnection(host, timeout=10)
    try:
        connection.request("POST", f"/{path}", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return answer.status == http.client.OK


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
