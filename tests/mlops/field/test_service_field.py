"""Clients as they come, against `make serve`: raw bytes, and the answer that must come."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from door import PATIENCE, Project, project
from served import free_port
from service_cases import CASES, Case, ask, look

pytestmark = pytest.mark.field

# Long before it a request that is not answered hangs; long behind it one that is slow.
PATIENT = 20
WORKERS = 2  # serving.workers


@dataclass(frozen=True)
class Service:
    """A running `make serve`."""

    port: int
    process: "subprocess.Popen[bytes]"
    log: Path

    def talk(self, case: Case) -> tuple[list[int], bytes, bytes]:
        """Send what a case says; return the statuses, and head and body of the last answer."""
        parts = [case.sent] if isinstance(case.sent, bytes) else case.sent
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENT) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for part in parts:
                connection.sendall(part)
            if case.half_close:
                connection.shutdown(socket.SHUT_WR)
            statuses: list[int] = []
            head = body = b""
            with connection.makefile("rb") as stream:
                while len(statuses) < max(1, len(case.statuses)) and (line := stream.readline()):
                    statuses.append(int(line.split()[1]))
                    head = b"".join(iter(stream.readline, b"\r\n"))
                    length = [row for row in head.splitlines() if row.startswith(b"content-length")]
                    body = stream.read(int(length[0].split()[1])) if length else b""
        return statuses, head, body

    def listeners(self) -> list[int]:
        """Return who listens on the port."""
        found = psutil.net_connections("tcp4")
        return [
            c.pid for c in found if c.pid and c.status == "LISTEN" and c.laddr.port == self.port
        ]


@pytest.fixture(name="home", scope="module")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A clone with the model of a short training."""
    home = project(tmp_path_factory.mktemp("service") / "project")
    train(home)
    return home


def train(home: Project, more: str = "") -> None:
    """Train on few rows, or only compose anew where nothing else has changed."""
    values = "data.synthetic_rows=600 prepare.sample=1.0 training.epochs=1"
    answer = home.run("make", "train", f"SET={values} {more}")
    assert answer.code == 0, answer.output[-3000:]


@contextmanager
def serve(home: Project, **variables: str) -> Iterator[Service]:
    """Run `make serve` until the block ends."""
    port = free_port()
    log = home.folder.parent / f"serve-{port}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            ["make", "serve", f"PORT={port}"],
            cwd=home.folder, env={**home.environment(), **variables}, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
        )  # fmt: skip
    service = Service(port, process, log)
    try:
        until(lambda: is_ready(service), service)
        yield service
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(PATIENCE)


def until(condition: Callable[[], bool], service: Service) -> None:
    """Look until a condition holds; else fail with the log."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, service.log.read_text()[-3000:]
        time.sleep(0.1)


def is_ready(service: Service) -> bool:
    """Tell whether it predicts."""
    try:
        return service.talk(Case("", look("/readyz")))[0] == [200]
    except OSError:
        return False


@pytest.fixture(name="service", scope="module")
def _service(home: Project) -> Iterator[Service]:
    with serve(home) as service:
        # The first worker that is ready answers; what the other says belongs to no case.
        until(lambda: service.log.read_text().count("Completed startup hook") == WORKERS, service)
        yield service


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_client(case: Case, service: Service) -> None:
    """The statuses in their order, an error in the one shape, and nothing in the log."""
    before = service.log.stat().st_size

    statuses, head, body = service.talk(case)

    assert statuses == list(case.statuses), body[:300]
    assert [line for line in case.headers if line.encode() not in head] == []
    if case.code:
        assert json.loads(body)["error"]["code"] == case.code
        assert b"content-type: application/json" in head
    assert "Traceback" not in service.log.read_text()
    assert service.log.stat().st_size - before < 200


def test_a_taken_port_is_one_sentence(home: Project, service: Service) -> None:
    """With who has it."""
    answer = home.run("make", "serve", f"PORT={service.port}", timeout=60)

    assert answer.code
    (supervisor,) = psutil.Process(service.process.pid).children()
    assert f"error: port {service.port} is in use by process {supervisor.pid} " in answer.output
    assert "Traceback" not in answer.output


def test_bentomls_configuration_holds(home: Project) -> None:
    """CORS on /predict, access logs, metrics that end no worker; and so does serving.keep_alive."""
    train(home, "serving.keep_alive=1")
    values = (
        "http.cors.enabled=true",
        'http.cors.access_control_allow_origins=["https://a.b"]',
        'http.cors.access_control_allow_methods=["POST"]',
        "metrics.enabled=true",
        "logging.access.enabled=true",
    )
    options = " ".join(f"services.classifier.{value}" for value in values)
    preflight = {"Origin": "https://a.b", "Access-Control-Request-Method": "POST"}
    with serve(home, BENTOML_CONFIG_OPTIONS=options) as service:
        for sent, status in (
            (ask(b"", "OPTIONS /predict", kind=None, **preflight), 200),
            (ask(Origin="https://a.b"), 200),
            (ask("{", Origin="https://a.b"), 400),
        ):
            statuses, head, _ = service.talk(Case("", sent))
            assert statuses == [status]
            assert b"access-control-allow-origin: https://a.b" in head
        _, head, _ = service.talk(Case("", ask(Origin="https://evil.example")))
        assert b"access-control-allow-origin" not in head
        assert b"request_total" in service.talk(Case("", look("/metrics")))[2]
        with socket.create_connection(("127.0.0.1", service.port), timeout=4) as resting:
            assert resting.recv(1) == b""
        log = service.log.read_text()

    assert "metrics.enabled is ignored" in log
    assert "method=POST,path=/predict" in log


def test_workers_end_with_a_killed_supervisor(home: Project) -> None:
    """Nobody goes on with the old model, and the port is free for the next."""
    with serve(home) as service:
        (supervisor,) = psutil.Process(service.process.pid).children()
        supervisor.kill()

        until(lambda: not service.listeners(), service)
