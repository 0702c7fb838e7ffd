"""Prometheus and Alertmanager of one machine: what both ways to run them share."""

import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Protocol

import requests
from prometheus_client.parser import text_string_to_metric_families

from mlops.config.schema import Params
from mlops.core.errors import OperateError

PROMETHEUS, ALERTMANAGER = "prometheus", "alertmanager"
PATIENCE, PAUSE = 60.0, 0.1  # seconds until a server answers, and between two questions
TAKEN_OVER = "config_last_reload_success_timestamp_seconds"


class Servers(Protocol):
    """Both of them, wherever they run."""

    @property
    def folder(self) -> Path:
        """Return where their configuration is written, and their data lie."""

    @property
    def targets(self) -> str:
        """Return the file that names the pods, as Prometheus sees it."""

    def missing(self) -> str:
        """Return what is lacking to run them; nothing where nothing is."""

    def running(self) -> bool:
        """Return whether they were started, and not stopped since."""

    def begin(self) -> bool:
        """Start them; return False where they run already, as they are wanted."""

    def reload(self) -> None:
        """Tell them to read their configuration again."""

    def stop(self) -> None:
        """End them; their data stay."""

    def check(self) -> None:
        """Raise OperateError where one of them has ended."""

    @property
    def hint(self) -> str:
        """Return how a person sees their logs."""

    def __str__(self) -> str:
        """Return what a person calls them."""


def ports(params: Params) -> dict[str, int]:
    """Return the port of each, on loopback."""
    first = params.monitoring.port
    return {PROMETHEUS: first, ALERTMANAGER: first + 1}


def arguments(params: Params, folder: str) -> dict[str, list[str]]:
    """Return the arguments of each; `folder` is theirs as they see it."""
    listen = {
        name: f"--web.listen-address=127.0.0.1:{port}" for name, port in ports(params).items()
    }
    return {
        PROMETHEUS: [
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/{PROMETHEUS}",
            f"--storage.tsdb.retention.time={params.monitoring.retention_days}d",
            listen[PROMETHEUS],
        ],
        ALERTMANAGER: [
            f"--config.file={folder}/alertmanager.yml",
            f"--storage.path={folder}/{ALERTMANAGER}",
            "--cluster.listen-address=",
            listen[ALERTMANAGER],
        ],
    }


def check_free(port: int, environment: str) -> None:
    """Refuse a port that another server has: its answers would be taken for those of this one."""
    with socket.socket() as asked:
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            asked.bind(("127.0.0.1", port))
        except OSError:
            raise OperateError(
                f"port {port} of this machine is taken, perhaps by the Prometheus of another "
                "environment; set another one (Alertmanager takes the next): monitoring.port in "
                f"conf/env/{environment}.yaml"
            ) from None


def start(servers: Servers, params: Params) -> bool:
    """Start both, or have them read what was written; return whether they were started."""
    if servers.begin():
        for name, port in ports(params).items():
            ready = partial(_get, port, "/-/ready")
            _wait(servers, ready, f"{name} does not answer on port {port}")
        return True
    reload(servers, params)
    return False


def reload(servers: Servers, params: Params) -> None:
    """Have both read their configuration again; return when they have."""
    before = dict(_taken_over(params))
    servers.reload()

    def both() -> bool:
        now = dict(_taken_over(params))
        return all(now[name] is not None and now[name] != before[name] for name in now)

    _wait(servers, both, "the new configuration was not taken over")


def _taken_over(params: Params) -> Iterator[tuple[str, float | None]]:
    """Yield when each server has last read its configuration without an error."""
    for name, port in ports(params).items():
        families = text_string_to_metric_families(_get(port, "/metrics") or "")
        found = (sample.value for family in families for sample in family.samples
                 if sample.name == f"{name}_{TAKEN_OVER}")  # fmt: skip
        yield name, next(found, None)


def _get(port: int, path: str) -> str | None:
    """Return what a server of this machine answers; None where it does not."""
    with requests.Session() as session:
        session.trust_env = False  # http_proxy is not for this machine
        try:
            answer = session.get(f"http://127.0.0.1:{port}{path}", timeout=5)
        except requests.RequestException:
            return None
    return answer.text if answer.ok else None


def _wait(servers: Servers, done: Callable[[], object], otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        servers.check()
        if time.monotonic() > deadline:
            raise OperateError(f"{otherwise} after {PATIENCE:g} s; {servers.hint}")
        time.sleep(PAUSE)
