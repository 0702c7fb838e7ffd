"""A Bento of a small model, built and served as a user does, for the slow tests."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

import toy
from common import ROOT

BIN = Path(sys.executable).parent
# Of the work tree: these projects have no registry.
PACKAGE = (
    "from mlops.release import package; from mlops.release.versions import bundle; "
    "bundle.lay_out(); "
    "tag, is_new = package.build(bundle.FOLDER); print(tag, 'built' if is_new else 'there')"
)


@dataclass(frozen=True)
class Bento:
    """A Bento in a store of its own, and the Python that has what its lock names, and no more."""

    tag: str
    project: Path
    home: Path
    bin: Path

    @property
    def environment(self) -> dict[str, str]:
        """Return variables that lead to this store and away from the work tree."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("BENTOML_", "PYTHONPATH"))}
        mine = {"BENTOML_HOME": str(self.home), "BENTOML_DO_NOT_TRACK": "True"}
        return {**kept, **mine, "PATH": f"{self.bin}:{os.environ['PATH']}"}


@dataclass
class Client:
    """Whoever asks the service on a port."""

    port: int

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> Any:
        """Return what a path answers, parsed where it is JSON."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=30) as answer:
            text = answer.read().decode()
            return json.loads(text) if "json" in answer.headers["content-type"] else text

    def predict(self, value: Any) -> tuple[int, Any, dict[str, str]]:
        """Return status, answer and headers of a request to /predict."""
        raw = value if isinstance(value, bytes) else json.dumps(value).encode()
        request = urllib.request.Request(
            f"{self.url}/predict", data=raw, headers={"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error), {k.lower(): v for k, v in error.headers.items()}

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's samples that have these labels."""
        found = 0.0
        for line in self.get("/metrics").splitlines():
            if re.match(rf"{name}(\{{|\s)", line):
                found += float(line.split()[-1]) * all(
                    f'{label}="{value}"' in line for label, value in labels.items()
                )
        return found


@dataclass
class Server(Client):
    """A running service."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def workers(self) -> list[psutil.Process]:
        """Return the processes that predict; one that was killed is none any more."""
        found = []
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.ZombieProcess, psutil.NoSuchProcess):
                if "_bentoml_impl.worker.service" in child.cmdline():
                    found.append(child)
        return found


def locked_environment(folder: Path, name: str) -> Path:
    """Make an environment of one lock alone; return its folder of programs."""
    uv = str(BIN / "uv")
    lock = ROOT / "requirements" / f"{name}.lock"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    subprocess.run(
        [uv, "pip", "sync", "--quiet", "--require-hashes", str(lock)],
        env={**os.environ, "VIRTUAL_ENV": str(folder)},
        check=True,
    )
    return folder / "bin"


def build(folder: Path, programs: Path, work: int = 0, **settings: Any) -> Bento:
    """Package a project with a small model; `work` makes it slower."""
    project = toy.project(folder / "project", work, **settings)
    bento = Bento("", project, folder / "bentoml", programs)
    done = subprocess.run(
        [sys.executable, "-c", PACKAGE],
        cwd=project,
        env={**bento.environment, "PYTHONPATH": str(project / "src")},
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Bento(done.stdout.split()[0], project, bento.home, programs)


@contextmanager
def serve(bento: Bento, folder: Path, **variables: str) -> Iterator[Server]:
    """Run `bentoml serve <tag>` away from the project until the block ends."""
    port = free_port()
    # A home of its own, since a server empties the metrics of its home when it starts.
    home = folder / "home"
    home.mkdir()
    (home / "bentos").symlink_to(bento.home / "bentos")
    log = folder / "server.log"
    command = [str(bento.bin / "bentoml"), "serve", bento.tag, "--host", "127.0.0.1"]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            cwd=folder,
            env={**bento.environment, "BENTOML_HOME": str(home), **variables},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    server = Server(port, process, log)
    try:
        wait_for(lambda: answers(server), server)
        yield server
    finally:
        end(process)


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(server: Client) -> bool:
    """Tell whether the service predicts."""
    with suppress(OSError):
        return server.predict({"text": "good"})[0] == 200
    return False


def wait_for(condition: Any, server: Server, seconds: float = 90) -> None:
    """Ask until a condition holds; fail with the server's log when it ends or takes too long."""
    deadline = time.monotonic() + seconds
    while not condition():
        ended = server.process.poll()
        if ended is not None or time.monotonic() > deadline:
            raise AssertionError(f"ended with {ended}:\n{server.log.read_text()[-5000:]}")
        time.sleep(0.05)


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a server and all that it started."""
    with suppress(psutil.NoSuchProcess):
        children = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()
