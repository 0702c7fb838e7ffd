"""The shipper as its image has it: the packages of its lock, the files of its Dockerfile."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import logged
import served
import servers
from common import ROOT
from local_platform.servers import Platform
from ml.config import Params
from mlops.operate.requests import read

pytestmark = pytest.mark.integration
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture(name="words", scope="module")
def _words(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, list[str]]:
    """PYTHONPATH and command of the image, laid out as its Dockerfile says."""
    folder = tmp_path_factory.mktemp("image")
    programs = served.locked_environment(folder / "venv", "shipper")
    text = (ROOT / "deploy" / "shipper.Dockerfile").read_text()
    for sources, target in re.findall(r"^COPY (src/.*) (/\S+)$", text, re.M):
        place = folder / target.strip("/")
        for source in sources.split():
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, place)
            else:
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, place)
    (module,) = re.findall(r'"-m", "([\w.]+)"', text)
    return str(folder / "app"), str(programs / "python"), ["-m", module]


def test_it_ships_until_it_is_ended(
    s3: Platform,
    words: tuple[str, str, list[str]],
    tmp_path: Path,
    make_params: Callable[..., Params],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At once what is there; by SIGTERM also what the service has left since, and then it ends."""
    url = f"s3://{servers.QA}/{tmp_path.name}"
    spool, (app, python, command) = tmp_path / "spool", words
    first = logged.spool(spool, [logged.lines("first", NOON)])
    environment = {
        **s3.variables("qa"),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": app,
        "REQUEST_LOG": str(spool),
        "REQUEST_LOG_URL": url,
        "REQUEST_LOG_ENVIRONMENT": "qa",
    }
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [python, *command], cwd=tmp_path, env=environment, stdout=file, stderr=file
        )
    server = served.Server(0, process, log)
    served.wait_for(lambda: not first.exists(), server)
    logged.spool(spool, [logged.lines("last", NOON)])
    process.send_signal(signal.SIGTERM)
    code = process.wait(60)
    for name, value in s3.variables("qa").items():
        monkeypatch.setenv(name, value)
    params = make_params(environment="qa", request_log={"url": url})
    found = read(params, NOON, NOON + timedelta(days=1))["request_id"].to_pylist()

    assert code == 0, log.read_text()
    assert sorted(found) == ["first", "last"]
    assert list(spool.iterdir()) == []
