"""`make watch` with podman: a real pod of Prometheus and Alertmanager. Slow."""

import os
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

import answering
import containers
import watched_machine
from common import ROOT
from mlops.deployment.machine import TARGETS, Volume, scraped
from mlops.operate.monitoring import drift_rules, scraping, watch
from mlops.operate.prometheus import Prometheus
from mlops.pipeline.compose import asked
from prometheus_server import EACH, eventually

pytestmark = pytest.mark.release
PROGRAMS = {"prometheus": "prometheus", "alertmanager": "prometheus-alertmanager"}
SHARED = Path("/usr/share/prometheus")  # templates, which Debian keeps beside the program
METRICS = "bentoml_service_request_total 1\n"


def image(engine: containers.Engine, folder: Path, name: str) -> str:
    """Make an image of a program of this machine, whose name in it is the usual one."""
    program = str(shutil.which(PROGRAMS[name]))
    linked = subprocess.run(["ldd", program], text=True, capture_output=True, check=True).stdout
    with tarfile.open(folder / f"{name}.tar", "w", dereference=True) as tar:
        tar.add(program, f"bin/{name}")
        for path in {word for word in linked.split() if word.startswith("/")}:
            tar.add(Path(path).resolve(), path.lstrip("/"))
        if SHARED.exists():
            tar.add(SHARED, str(SHARED).lstrip("/"))
    found = f"localhost/{name}:test"
    entry = f'ENTRYPOINT ["/bin/{name}"]'
    engine.podman("import", "--quiet", "--change", entry, str(folder / f"{name}.tar"), found)
    return found


@pytest.fixture(name="port")
def _port(
    engine: containers.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[int]:
    """The port of a Prometheus whose images this machine has."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").symlink_to(ROOT / "conf")
    monkeypatch.setattr(scraping, "on_machine", partial(scraping.on_machine, each=EACH))
    monkeypatch.setattr(drift_rules, "EACH", EACH)
    port = watched_machine.two_ports()
    images = [f"monitoring.{name}_image={image(engine, tmp_path, name)}" for name in PROGRAMS]
    settings = ["deploy.target=podman", f"monitoring.port={port}", *images]
    variables = {"ENV": "prod", "SET": " ".join(settings), "PATH": containers.PATHS}
    for name, value in {**engine.environment, **variables}.items():
        monkeypatch.setenv(name, value)
    yield port
    monkeypatch.setenv("STOP", "1")
    watch.main()


def test_a_pod_watches(port: int, capsys: pytest.CaptureFixture[str], engine: containers.Engine,
                       monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """It reads the targets of the deployment, new rules, and keeps what it measured."""
    with answering.serve(answering.http(200, METRICS, "text/plain")) as pod:
        roles = {"prod-blue": (pod.port, "live")}
        Volume("prod-traffic").write(TARGETS, scraped("prod", roles))
        monkeypatch.setenv("ALERT_URL", "http://127.0.0.1:1/token")
        watch.main()
        assert "watch        podman pod prod-watch: started\n" in capsys.readouterr().out
        server = Prometheus(f"http://127.0.0.1:{port}")
        eventually(lambda: server.value('up{job="model-server",role="live"}') == 1)
        eventually(lambda: server.value('up{job="alertmanager"}') == 1)

        monkeypatch.delenv("ALERT_URL")
        watch.main()
        assert "pod prod-watch: runs, and has read" in capsys.readouterr().out
        drift_rules.hand_over(asked(), 'mlops_drift_alarm{environment="prod"} 0\n')
        eventually(lambda: server.value("mlops_drift_alarm") == 0)

        # Whatever ends in the pod, podman starts again; STOP=1 leaves the figures.
        pid = engine.podman("inspect", "prod-watch-prometheus", "--format", "{{.State.Pid}}")
        os.kill(int(pid), signal.SIGKILL)
        eventually(lambda: containers.answers(f"{server.url}/-/ready"))
        monkeypatch.setenv("STOP", "1")
        watch.main()
        monkeypatch.delenv("STOP")
        watch.main()
        kept = server.vector('count_over_time(up{job="model-server"}[1h]) > 1')
        assert len(kept) == 1
