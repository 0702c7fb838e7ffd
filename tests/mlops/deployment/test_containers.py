"""The Bento's image, really run: as the documents say, and as the manifests do. Slow."""

import json
import re
import shlex
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

import containers
import served
from common import ROOT
from ml.config import Params
from mlops.deployment import manifests
from mlops.deployment.manifests import Release

pytestmark = pytest.mark.release
SECTION = (ROOT / "docs" / "serving.md").read_text().partition("## In a container")[2]


def ready(engine: containers.Engine, container: str, port: int) -> served.Client:
    """Return a client of a container, once it answers."""
    client = served.Client(port)
    containers.wait_for(lambda: served.answers(client), lambda: engine.podman("logs", container))
    return client


@contextmanager
def accepted(port: int) -> Iterator[socket.socket]:
    """Begin a request: the service has it, and waits for the end of its body."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as request:
        request.sendall(
            b"POST /predict HTTP/1.1\r\nHost: service\r\nContent-Type: application/json\r\n"
            b'Expect: 100-continue\r\nContent-Length: 16\r\n\r\n{"text": '
        )
        assert request.recv(65536).startswith(b"HTTP/1.1 100 ")
        yield request


@contextmanager
def documented(
    engine: containers.Engine, image: str
) -> Iterator[tuple["subprocess.Popen[bytes]", served.Client]]:
    """Run an image by the command of the document, but for its name, port and engine."""
    (block,) = re.findall(r"```sh\n(.*?)```", SECTION, re.S)
    build, run = (shlex.split(line) for line in block.replace("\\\n", "").splitlines())
    assert build[:2] == ["bentoml", "containerize"]  # what the fixture does
    assert run[:2] == ["docker", "run"]
    port = served.free_port()
    typed = [{"3000:3000": f"127.0.0.1:{port}:3000"}.get(word, word) for word in run[2:-1]]
    process = subprocess.Popen(
        ["podman", "run", "--name", "documented", *typed, image], env=engine.environment
    )
    try:
        yield process, ready(engine, "documented", port)
    finally:
        served.end(process)


def test_the_bento_runs_in_a_container_as_the_docs_say(
    engine: containers.Engine, image: str, bento: served.Bento
) -> None:
    """Read-only, as 1034, without capabilities; on SIGTERM it answers what it has accepted."""
    with documented(engine, image) as (process, client):
        held = json.loads(engine.podman("inspect", "documented"))[0]

        assert client.predict({"text": "the film was good"})[1]["label"] == "positive"
        assert client.get("/info")["package"] == bento.tag.partition(":")[2]
        assert engine.podman("exec", "documented", "id", "-u") == "1034"
        assert held["HostConfig"]["ReadonlyRootfs"]
        assert not held["EffectiveCaps"]
        with accepted(client.port) as request:
            process.send_signal(signal.SIGTERM)
            containers.wait_for(lambda: not containers.answers(f"{client.url}/livez"), str)
            request.sendall(b'"good"}')
            assert request.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert process.wait(60) == 0


@contextmanager
def played(engine: containers.Engine, text: str, pod: str) -> Iterator[None]:
    """Run manifests until the block ends, then remove what they made."""
    engine.podman("kube", "play", "-", given=text)
    try:
        yield
    finally:
        engine.podman("pod", "stop", "--time", "60", pod)
        engine.podman("kube", "play", "--down", "-", given=text)


def test_one_machine_runs_the_manifests(
    engine: containers.Engine,
    image: str,
    make_params: Callable[..., Params],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The image comes from the registry by its digest; two releases serve side by side, then go."""
    monkeypatch.chdir(ROOT)
    release = Release(engine.push(image), "3", "b" * 64, "c0ffee")
    whole = manifests.render(release, make_params(environment="prod"))
    ports = {"blue": served.free_port(), "green": served.free_port()}
    texts = {name: manifests.one_machine(whole, port, name) for name, port in ports.items()}

    with (
        played(engine, texts["blue"], "blue-pod-0"),
        played(engine, texts["green"], "green-pod-0"),
    ):
        for name, port in ports.items():
            container = f"{name}-pod-0-model-server"
            client = ready(engine, container, port)
            held = json.loads(engine.podman("inspect", container))[0]

            assert client.predict({"text": "the film was dull"})[1]["label"] == "negative"
            assert held["ImageName"] == release.image
            assert held["Config"]["Annotations"]["mlops/registered.version"] == "3"
            assert held["Config"]["User"] == "1034:1034"
            assert held["HostConfig"]["ReadonlyRootfs"]
            assert held["HostConfig"]["Memory"] == 2 * 2**30
            assert not held["EffectiveCaps"]
    assert engine.podman("ps", "--all", "--quiet") == ""
    assert engine.podman("volume", "ls", "--quiet") == ""
