"""Real containers without a Docker engine, for the slow tests: podman, a registry, a base image.

All of it lies in a folder of its own: images, networks and locks of the machine stay as they are.
What is needed comes from the distribution: `.ci/run` names the packages.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import served

TOOLS = ("podman", "runc", "netavark", "catatonit", "docker-registry", "mmdebstrap")
PATHS = f"{os.environ['PATH']}:/usr/sbin:/usr/lib/podman"
# crun needs cgroups v2 and podman's default limits more rights than a container's root has.
CONTAINERS = """
[containers]
default_ulimits = ["nofile=16384:16384", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
tmp_dir = "{folder}/tmp"
[network]
network_config_dir = "{folder}/networks"
default_network = "{network}"
"""
STORAGE = """
[storage]
driver = "overlay"
graphroot = "{folder}/graph"
runroot = "{folder}/run"
"""
# The one that `podman kube play` takes, with a bridge and addresses that no other session has.
NETWORK = "podman-default-kube-network"
BRIDGE: dict[str, Any] = {
    "name": NETWORK,
    "id": "0" * 64,
    "driver": "bridge",
    "created": "2026-01-01T00:00:00Z",
    "ipv6_enabled": False,
    "internal": False,
    "dns_enabled": False,
    "ipam_options": {"driver": "host-local"},
}
REGISTRIES = """
[[registry]]
location = "{registry}"
insecure = true
"""
REGISTRY = """
version: 0.1
storage: {{filesystem: {{rootdirectory: "{folder}/registry"}}}}
http: {{addr: "{registry}"}}
"""
# What python:3.11-slim has, of the distribution's Python, which is 3.11 too. Certificates are the
# host's: what it trusts, a build in it may need.
BASE = "docker.io/library/python:3.11-slim"
PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
DOCKERFILE = """
FROM localhost/bookworm
COPY ca.crt /etc/ssl/certs/ca-certificates.crt
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
UV_NATIVE_TLS=1
RUN rm -f /usr/lib/python3*/EXTERNALLY-MANAGED && ln -s python3 /usr/bin/python && pip install -q uv
"""


def missing() -> list[str]:
    """Return what this machine lacks for containers."""
    found = [tool for tool in TOOLS if not shutil.which(tool, path=PATHS)]
    return found if os.geteuid() == 0 else [*found, "root"]


@dataclass(frozen=True)
class Engine:
    """podman with a state of its own, and a registry beside it."""

    folder: Path
    registry: str

    @property
    def environment(self) -> dict[str, str]:
        """Return variables that lead podman to this state, and to no other."""
        files = {
            "CONTAINERS_CONF": "containers.conf",
            "CONTAINERS_STORAGE_CONF": "storage.conf",
            "CONTAINERS_REGISTRIES_CONF": "registries.conf",
        }
        return {**os.environ, **{name: str(self.folder / file) for name, file in files.items()}}

    def podman(self, *arguments: str, given: str | None = None) -> str:
        """Run podman to its end; return what it printed."""
        return self.call("podman", *arguments, given=given)

    def call(self, *command: str, given: str | None = None, **variables: str) -> str:
        """Run a command that may use podman; a failure shows all that it printed."""
        done = subprocess.run(
            command,
            input=given,
            env={**self.environment, **variables},
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{(done.stdout + done.stderr)[-5000:]}"
        return done.stdout.strip()

    @cached_property
    def base(self) -> str:
        """The base image of the Bento's, made once."""
        root = self.folder / "root.tar"
        self.call("mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}",
                  "bookworm", str(root))  # fmt: skip
        self.podman("import", "--quiet", str(root), "localhost/bookworm")
        root.unlink()
        context = self.folder / "base"
        context.mkdir()
        shutil.copy("/etc/ssl/certs/ca-certificates.crt", context / "ca.crt")
        (context / "Dockerfile").write_text(DOCKERFILE)
        self.podman("build", "--quiet", "--network=host", "--tag", BASE, str(context))
        return BASE

    def containerize(self, bento: served.Bento) -> str:
        """Build a Bento's image, as docs/serving.md says; return its name."""
        assert self.base
        image = f"localhost/{bento.tag}"
        options = ("--backend", "podman", "--opt", "network=host", "--image-tag", image)
        self.call(str(served.BIN / "bentoml"), "containerize", bento.tag, *options,
                  BENTOML_HOME=str(bento.home), BENTOML_DO_NOT_TRACK="True")  # fmt: skip
        return image

    def push(self, image: str) -> str:
        """Push an image; return its name in the registry, with the digest."""
        name = f"{self.registry}/{image.partition('/')[2].partition(':')[0]}"
        told = self.folder / "digest"
        self.podman("push", "--quiet", "--digestfile", str(told), image, f"{name}:pushed")
        return f"{name}@{told.read_text().strip()}"


def _configure(engine: Engine, port: int) -> None:
    folder = engine.folder
    texts = {
        "containers.conf": CONTAINERS,
        "storage.conf": STORAGE,
        "registries.conf": REGISTRIES,
        "registry.yml": REGISTRY,
    }
    for name, text in texts.items():
        (folder / name).write_text(
            text.format(folder=folder, registry=engine.registry, network=NETWORK)
        )
    (folder / "networks").mkdir()
    addresses = f"10.{128 + port // 256 % 64}.{port % 256}"
    bridge = {
        **BRIDGE,
        "network_interface": f"test{port}",
        "subnets": [{"subnet": f"{addresses}.0/24", "gateway": f"{addresses}.1"}],
    }
    (folder / "networks" / f"{NETWORK}.json").write_text(json.dumps(bridge))


@contextmanager
def engine() -> Iterator[Engine]:
    """Lend podman and a registry until the block ends, and leave nothing behind."""
    # Not pytest's folder: paths of sockets must be short, and pytest keeps its last three.
    folder = Path(tempfile.mkdtemp(prefix="containers-"))
    port = served.free_port()
    lent = Engine(folder, f"127.0.0.1:{port}")
    _configure(lent, port)
    with (folder / "registry.log").open("wb") as file:
        registry = subprocess.Popen(
            ["docker-registry", "serve", str(folder / "registry.yml")], stdout=file, stderr=file
        )
    try:
        log = (folder / "registry.log").read_text
        wait_for(lambda: answers(f"http://{lent.registry}/v2/"), log)
        yield lent
    finally:
        with suppress(AssertionError):
            lent.podman("pod", "rm", "--force", "--all")
            lent.podman("rm", "--force", "--all")
        served.end(registry)
        overlay = str(folder / "graph" / "overlay")
        subprocess.run(["umount", "--quiet", overlay], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(folder)


def wait_for(condition: Callable[[], bool], log: Callable[[], str], seconds: float = 90) -> None:
    """Ask until a condition holds; fail with a log when it takes too long."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, log()[-5000:]
        time.sleep(0.05)


def answers(url: str) -> bool:
    """Tell whether a path answers within a second."""
    with suppress(OSError), urllib.request.urlopen(url, timeout=1) as answer:
        return bool(answer.status == 200)
    return False
