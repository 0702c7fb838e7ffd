"""`make watch` on one machine: real servers, a podman that has volumes alone. Integration."""

import json
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest

import clones
from common import ROOT
from mlops.core.errors import DeployError, OperateError
from mlops.deployment import status as deployed
from mlops.operate import status
from mlops.operate.monitoring import drift_rules, rules, scraping, trouble, watch
from mlops.operate.prometheus import Prometheus
from mlops.pipeline.compose import asked
from prometheus_server import EACH, eventually
from watched_machine import Machine, machine

pytestmark = pytest.mark.integration
Verb = Callable[..., str]
ALARM = 'mlops_drift_alarm{environment="prod"} 1\n'
COMPARED = 'mlops_drift_window_end_seconds{environment="prod"} 9e9\n'
CALM = "nothing is wrong: 200 requests in the last 5 minutes, 5.00% of them answered with a 5xx"


@pytest.fixture(name="here")
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """A machine whose Prometheus looks each moment, where it is started."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").symlink_to(ROOT / "conf")
    windows = rules.windows
    monkeypatch.setattr(rules, "windows", lambda params: replace(windows(params), tick=0.2))
    monkeypatch.setattr(drift_rules, "EACH", EACH)
    monkeypatch.setattr(scraping, "on_machine", partial(scraping.on_machine, each=EACH))
    with machine(tmp_path) as found:
        for name, value in found.variables.items():
            monkeypatch.setenv(name, value)
        yield found
        monkeypatch.setenv("STOP", "1")
        watch.main()


@pytest.fixture(name="verb")
def _verb(
    here: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Verb:
    """Return what runs the verb, and gives what it printed."""
    assert here

    def run(**variables: str) -> str:
        with monkeypatch.context() as context:
            for name, value in variables.items():
                context.setenv(name, value)
            watch.main()
        return capsys.readouterr().out

    return run


def now(here: Machine) -> str:
    """Return what the verb says is wrong."""
    return "\n".join(trouble.lines(Prometheus(f"http://127.0.0.1:{here.port}"), "prod"))


def processes(folder: Path) -> list[psutil.Process]:
    """Return what runs, by the files that keep it."""
    kept = (folder / ".runs/watch/prod").glob("*.pid")
    return [psutil.Process(json.loads(path.read_text())["pid"]) for path in sorted(kept)]


def test_it_scrapes_pods_proxy_and_itself(here: Machine, verb: Verb) -> None:
    """With the roles of the pods; and it says where it is, and that nothing is wrong."""
    said = verb(SET=f"{here.variables['SET']} objectives.availability=0.5")
    server = Prometheus(f"http://127.0.0.1:{here.port}")

    assert f"prometheus   {server.url}\n" in said
    assert "programs of this machine" in said
    assert "nobody receives the alerts" in said
    eventually(lambda: server.value("sum(up)") == 4)
    live = 'up{job="model-server",role="live",environment="prod",pod="prod-live"}'
    assert server.value(live) == 1
    eventually(lambda: CALM in now(here))


def test_it_says_what_is_wrong(
    here: Machine, verb: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of rules that have changed since, of drift, of a pod that is gone; so does the status."""
    verb(SET=f"{here.variables['SET']} objectives.availability=0.5", ALERT_URL="http://127.0.0.1:1")
    before = processes(here.folder)
    again = verb()

    assert "runs, and has read its configuration again" in again
    assert "alerts go where they went before" in again
    assert processes(here.folder) == before
    eventually(lambda: "page         AvailabilityBudgetBurn since" in now(here))
    assert drift_rules.hand_over(asked(), ALARM + COMPARED).startswith("handed to")
    eventually(lambda: "ticket       Drift since" in now(here))
    drift_rules.hand_over(asked(), COMPARED)  # of too few requests: unknown
    eventually(lambda: "Drift since" not in now(here))
    here.announce({"live": 1})
    eventually(lambda: "soon         ServiceDown since" in now(here))
    assert "page         AvailabilityBudgetBurn since" in status_of(capsys)


def test_it_ends_what_it_has_started(
    here: Machine, verb: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing else that has got its id; then nobody watches, which is no trouble."""
    verb()
    first, second = processes(here.folder)
    record = here.folder / ".runs/watch/prod/prometheus.pid"
    found = json.loads(record.read_text())
    record.write_text(json.dumps(found | {"command": ["another"]}))

    assert verb(STOP="1").startswith("stopped: programs of this machine")
    alive = [one for one in (first, second) if one.is_running() and one.status() != "zombie"]
    assert [one.name() for one in alive] == ["prometheus"]
    record.write_text(json.dumps(found))
    assert verb(STOP="1").startswith("stopped: programs of this machine")
    assert "alerts       not watched on this machine (make watch)\n" in status_of(capsys)
    assert drift_rules.hand_over(asked(), ALARM) == (
        "the alert Drift does not know of this: no Prometheus of `make watch` runs on this machine"
    )
    assert verb(STOP="1") == "nothing watches prod on this machine\n"


def test_a_port_that_is_taken_is_told(here: Machine, verb: Verb) -> None:
    """Another server's answers must not be taken for those of this one."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", here.port + 1))
        other.listen()
        with pytest.raises(OperateError, match=rf"port {here.port + 1} .* is taken.*conf/env/prod"):
            verb()

    assert processes(here.folder) == []


def status_of(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what the status of an environment says that runs something wrong."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(deployed, "main", wrong)
        with pytest.raises(DeployError, match="does not answer"):
            status.main()
    return capsys.readouterr().out


def wrong() -> None:
    """Stand for a table whose environment is in trouble."""
    raise DeployError("version 1 does not answer")


def test_as_it_is_typed(tmp_path: Path) -> None:
    """`make watch`, again, and `STOP=1`: the servers outlive the first command, not the last."""
    project = clones.installed(tmp_path / "project")
    for part in ("src", "conf", "Makefile"):  # as it is here, committed or not
        subprocess.run(["cp", "-r", str(ROOT / part), str(project)], check=True)
    with machine(tmp_path) as here:
        typed = [f"{name}={value}" for name, value in here.variables.items() if name != "PATH"]
        path = {"PATH": here.variables["PATH"]}

        def make(*more: str) -> str:
            return clones.call(project, "make", "watch", *typed, *more, **path)

        try:
            first = make()
            started = processes(project)
            again = make()
            kept = processes(project)
        finally:
            ended = make("STOP=1")

    assert ": started\n" in first
    assert len(started) == 2
    assert "read its configuration again" in again
    assert kept == started
    assert ended.startswith("stopped: ")
    assert processes(project) == []
