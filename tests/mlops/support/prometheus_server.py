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
def prometheus(folder: Path, config: dict[str, Any]) -> Iterator[Prometheus]:
    """Run Prometheus by a configuration until the block ends."""
    folder.mkdir()
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    address = f"127.0.0.1:{served.free_port()}"
    command = ["prometheus", f"--config.file={path}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--web.listen-address={address}"], stdout=log, stderr=log
        )
    found = Prometheus(f"http://{address}")
    try:
        eventually(lambda: _answers(found) or process.poll() is not None)
        assert process.poll() is None, (folder / "log").read_text()
        yield found
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
