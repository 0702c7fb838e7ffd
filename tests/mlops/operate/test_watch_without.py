"""`make watch` and the status where nothing of this machine can watch, or another one does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from common import ROOT
from mlops.core.errors import OperateError
from mlops.deployment import status as deployed
from mlops.operate import status
from mlops.operate.monitoring import watch
from watched_machine import Machine, machine


@pytest.fixture(name="here")
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """A machine on which podman has no image, and nothing else is installed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").symlink_to(ROOT / "conf")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "mkdir").symlink_to("/bin/mkdir")
    with machine(tmp_path) as found:
        for name, value in found.variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
        yield found


def test_neither_an_image_nor_a_program(here: Machine) -> None:
    """Both are named, with why, and what to do for each."""
    assert here
    why = r"Images: .*no network.* Programs: prometheus, alertmanager not on the PATH.*apt-get"
    with pytest.raises(OperateError, match=f"nothing to watch with. {why}"):
        watch.main()


def test_an_environment_that_deploys_nothing_is_not_watched(
    here: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says which one is."""
    assert here
    monkeypatch.setenv("SET", "deploy.target=none")

    with pytest.raises(OperateError, match=r"deploys nothing.*ENV=qa"):
        watch.main()


def test_on_a_cluster_it_prints_what_to_apply(
    here: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The manifests are there, and nothing is started."""
    monkeypatch.setenv("SET", "deploy.target=kubernetes")
    watch.main()
    said = capsys.readouterr().out
    names = [word for word in said.partition("\n")[0].split() if word.endswith(".yaml")]

    assert said.startswith("kubectl apply -f ")
    assert [Path(name).name for name in names] == ["pod-monitor.yaml", "prometheus-rule.yaml"]
    assert all((here.folder / name).exists() for name in names)
    assert "set monitoring.prometheus in conf/env/prod.yaml" in said


def test_a_configured_prometheus_is_asked_and_nothing_started(
    here: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """That it does not answer is an error of the verb, and a line of the status."""
    url = f"http://127.0.0.1:{here.port}"
    monkeypatch.setenv("SET", f"{here.variables['SET']} monitoring.prometheus={url}")
    monkeypatch.setattr(deployed, "main", lambda: None)

    with pytest.raises(OperateError, match=f"no Prometheus at {url}"):
        watch.main()
    status.main()
    assert f"alerts       unknown: no Prometheus at {url}" in capsys.readouterr().out
    assert not (here.folder / ".runs").exists()
