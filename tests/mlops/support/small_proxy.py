"""The proxy of one machine in front of one port, for a real Prometheus."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import yaml

import served
from prometheus_server import eventually


@contextmanager
def small_proxy(folder: Path, port: int) -> Iterator[tuple[int, int]]:
    """Lead requests to a port until the block ends; give the ports of requests and metrics."""
    program = served.locked_environment(folder / "venv", "traefik") / "traefik"
    web, metrics = served.free_port(), served.free_port()
    to = {"loadBalancer": {"servers": [{"url": f"http://127.0.0.1:{port}"}]}}
    router = {"rule": "PathPrefix(`/`)", "service": "live", "entryPoints": ["web"]}
    path = folder / "live.yml"
    path.write_text(
        yaml.safe_dump({"http": {"routers": {"all": router}, "services": {"live": to}}})
    )
    arguments = [
        f"--entrypoints.web.address=127.0.0.1:{web}",
        f"--entrypoints.metrics.address=127.0.0.1:{metrics}",
        "--metrics.prometheus.entrypoint=metrics",
        f"--providers.file.filename={path}",
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
    ]
    with subprocess.Popen([str(program), *arguments], stdout=subprocess.DEVNULL) as process:
        try:
            eventually(lambda: _answers(served.Client(web)))
            yield web, metrics
        finally:
            process.kill()


def _answers(proxy: served.Client) -> bool:
    with suppress(OSError, ValueError):
        return proxy.predict({"text": "good"})[0] == 200
    return False
