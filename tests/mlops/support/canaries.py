"""A canary as a person starts it, on a target of processes: registry, record, proxy, Prometheus.

Run: `python tests/mlops/support/canaries.py VERSION PROMETHEUS`, in the folder of a stage
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import mlflow

import loopback
import open_loop
import prometheus_server
import proxies
from common import write_params
from loopback import Loopback
from mlops.config import schema
from mlops.config.schema import Params
from mlops.core.errors import run
from mlops.deployment import target
from mlops.deployment.rollout import Rollout
from mlops.deployment.smoke_test import Pod
from mlops.deployment.traefik import proxy
from mlops.operate.progressive.canary import Canary
from mlops.operate.prometheus import Prometheus
from mlops.release.versions import history
from mlops.release.versions.history import CANARY, DEPLOY, Entry
from mlops.release.versions.registry import Registry, Version
from mlops.tracking.store import open_store
from open_loop import Client
from proxies import Proxy

SETTINGS = {"steps": [20, 50, 100], "min_requests": 60, "step_seconds": 30}
RATE = 80.0


@dataclass
class Stage:
    """A machine, a registry, and version 1, which is live."""

    params: Params
    target: Loopback
    prometheus: str

    @property
    def rollout(self) -> Rollout:
        """What a verb works with."""
        with mock.patch.object(target, "select", return_value=self.target):
            return Rollout(self.params)

    @property
    def _experiment(self) -> str:
        """The experiment of this stage's own store, whose artifacts lie in its folder."""
        return open_store(self.params)

    @property
    def last(self) -> Entry:
        """The newest entry of the record."""
        return history.read(Registry(self.params).notes()).entries[-1]

    def register(self, behaviour: str = "good", **more: Any) -> Version:
        """Register a version that behaves so."""
        registry = Registry(self.params)
        text = json.dumps({"behaviour": behaviour, **more})
        tags = {"model.sha256": "a" * 64, "bento": "content", "text": text}
        client = mlflow.MlflowClient()
        run_id = client.create_run(self._experiment).info.run_id
        folder = Path("versions") / run_id
        folder.mkdir(parents=True)
        (folder / "params.yaml").write_text(text)
        return registry.create(run_id, folder, tags)

    def deploy(self, version: Version) -> None:
        """Make a version live at once."""
        rollout = self.rollout
        with rollout.locked():
            rollout.replace(version, Entry(DEPLOY, version.number), self.text(version))

    def try_canary(self, version: Version, allow_shift: bool = False) -> None:
        """Make a version live as a canary."""
        rollout, asked = self.rollout, Prometheus(self.prometheus)
        stopped = lambda: history.stopped(rollout.registry.notes())  # noqa: E731
        canary = Canary(self.target, asked, self.params, stopped, allow_shift)

        def judge(version: Version, text: str, pod: Pod) -> str:
            return canary.run(version.number, text, pod)

        with rollout.locked():
            entry = Entry(DEPLOY, version.number, strategy=CANARY)
            rollout.replace(version, entry, self.text(version), judge)

    def start_judge(self, version: Version) -> "subprocess.Popen[str]":
        """Make a version live as a canary in a process of its own."""
        command = [sys.executable, __file__, version.number, self.prometheus]
        path = ":".join(sys.path)
        return subprocess.Popen(
            command, env={**os.environ, "PYTHONPATH": path}, stderr=subprocess.PIPE, text=True
        )

    def text(self, version: Version) -> str:
        """Return what stands for the manifests of a version."""
        return json.dumps({**json.loads(version.tags["text"]), "version": version.number})

    @contextmanager
    def asked(self) -> Iterator[Client]:
        """Let clients ask until the block ends."""
        with open_loop.asking(self.params.deploy.port, RATE) as client:
            yield client


@contextmanager
def stage(traefik: Path, params: Params) -> Iterator[Stage]:
    """Give a stage in the current folder, with version 1 live."""
    with ExitStack() as stack:
        started = stack.enter_context(proxies.run(traefik, Path.cwd(), params.deploy))
        params = params.model_copy(update={"deploy": started.deploy})
        write_params(params)
        lent = Loopback(started)
        stack.callback(lent.end)
        metrics = lent.proxy.port + proxy.METRICS
        address = stack.enter_context(
            prometheus_server.prometheus(
                lent.folder / "prometheus", loopback.scraped(lent.folder, metrics)
            )
        )
        found = Stage(params, lent, address.url)
        found.deploy(found.register())
        yield found


def main() -> None:
    """Try a version on the stage of the current folder."""
    params = schema.load()
    found = Stage(params, Loopback(Proxy(Path.cwd(), params.deploy)), sys.argv[2])
    version = Registry(params).find(sys.argv[1])
    assert version
    found.try_canary(version)


if __name__ == "__main__":
    run(main)
