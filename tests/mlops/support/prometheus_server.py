"""A real Prometheus on a free port, scraping each moment."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import yaml

import served
from mlops.core.errors import OperateError
from mlops.operate.prometheus import Prometheus

EACH = "200ms"
T = TypeVar("T")


@contextmanager
def prometheus(
    folder: Path, config: dict[str, Any], groups: dict[str, Any] | None = None
) -> Iterator[Prometheus]:
    """Run Prometheus by a configuration and rules until the block ends."""
    folder.mkdir()
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump({**config, "rule_files": ["rules.yml"]}), encoding="utf-8")
    (folder / "rules.yml").write_text(yaml.safe_dump(groups or {}), encoding="utf-8")
    command = ["prometheus", f"--config.file={path}", f"--storage.tsdb.path={folder / 'data'}"]
    with running(folder, command) as address:
        found = Prometheus(f"http://{address}")
        eventually(lambda: _answers(found))
        yield found


@contextmanager
def alertmanager(folder: Path, config: dict[str, Any]) -> Iterator[str]:
    """Run Alertmanager until the block ends; give its address."""
    folder.mkdir()
    path = folder / "alertmanager.yml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    command = ["prometheus-alertmanager", f"--config.file={path}", f"--storage.path={folder}"]
    with running(folder, [*command, "--cluster.listen-address="]) as address:
        yield address


@contextmanager
def running(folder: Path, command: list[str]) -> Iterator[str]:
    """Run a server on a free port until the block ends; give its address."""
    address = f"127.0.0.1:{served.free_port()}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--web.listen-address={address}"], stdout=log, stderr=log
        )
    try:
        yield address
        assert process.poll() is None, (folder / "log").read_text()
    finally:
        process.kill()
        process.wait()


def scraping(*ports: int, **labels: str) -> dict[str, Any]:
    """Return a configuration that scrapes services of this machine."""
    targets = {"targets": [f"127.0.0.1:{port}" for port in ports], "labels": labels}
    return {
        "global": {"scrape_interval": EACH, "scrape_timeout": EACH, "evaluation_interval": EACH},
        "scrape_configs": [{"job_name": "model-server", "static_configs": [targets]}],
    }


def eventually(asked: Callable[[], T], seconds: float = 30) -> T:
    """Ask until the answer is one; return it."""
    deadline = time.monotonic() + seconds
    while not (found := asked()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)
    return found


def _answers(server: Prometheus) -> bool:
    try:
        return server.value("1") == 1
    except OperateError:
        return False
