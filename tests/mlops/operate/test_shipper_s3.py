"""What ships logged requests, against a real S3 server that fails for an hour."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import logged
import s3_proxy
import servers
from local_platform.servers import Platform
from ml.config import Params
from mlops.core.errors import OperateError
from mlops.core.project import project
from mlops.operate.requests import read
from mlops.operate.requests.shipper import LONGEST, Shipper
from mlops.operate.requests.store import open_store
from mlops.serving.request_log import log as request_log
from mlops.serving.request_log.lines import Kept
from mlops.serving.request_log.log import RequestLog
from mlops.serving.request_log.spool import Spool

pytestmark = pytest.mark.integration
MINUTE, HOUR = 60.0, 3600.0
EACH = 10  # requests a minute


class Hour:
    """A clock that only waiting moves: requests come each minute, S3 is back after an hour."""

    def __init__(self, spool: Path, max_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
        spool.mkdir()
        monkeypatch.setattr(request_log, "SECONDS", 0.01)
        monkeypatch.setattr("mlops.serving.request_log.spool.SECONDS", 0.0)
        self.now, self.sent, self.waited = 0.0, 0, list[float]()
        counts, self.count = logged.counts()
        kept = Kept(logged.LABELS, logged.ORIGIN)
        self._log = RequestLog(kept, Spool(spool, max_bytes, seconds=0), counts)

    def is_down(self) -> bool:
        """Tell whether S3 is away."""
        return self.now < HOUR

    def refuse(self, _method: str, _headers: object) -> s3_proxy.Refusal | None:
        """Answer as a server whose disks are away."""
        return (503, "ServiceUnavailable", "no disk") if self.is_down() else None

    def wait(self, seconds: float) -> bool:
        """Let time pass; return whether all is over."""
        self.waited.append(seconds)
        for _ in range(int((self.now + seconds) // MINUTE - self.now // MINUTE)):
            self._serve()
        self.now += seconds
        return self.now > HOUR + 10 * MINUTE

    def end(self) -> None:
        """End the worker."""
        self._log.close()

    def _serve(self) -> None:
        form = project().requests()["OneText"]
        for _ in range(EACH):
            name = (b"x-request-id", f"r{self.sent}".encode())
            self._log.put([name], form, {"text": "good"}, logged.answer(), 20)
            self.sent += 1
        deadline = time.monotonic() + 60
        while self.count("written") + self.count("dropped") < self.sent:
            assert time.monotonic() < deadline
            threading.Event().wait(0.001)


def shipped(
    s3: Platform, params: Params, hour: Hour, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> list[Any]:
    """Ship through the hour; return the names that are read afterwards."""
    variables = s3.variables("qa")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with s3_proxy.proxy(variables["AWS_ENDPOINT_URL"], hour.refuse) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        shipper = Shipper(spool, open_store(params.request_log.url), "qa")
        shipper.run(hour.wait)
        hour.end()
        shipper.ship()
    monkeypatch.setenv("AWS_ENDPOINT_URL", variables["AWS_ENDPOINT_URL"])
    now = datetime.now(UTC)
    found = read(params, now - timedelta(days=1), now + timedelta(days=1))
    return list(found["request_id"].to_pylist())


@pytest.fixture(name="params")
def _params(make_params: Callable[..., Params], tmp_path: Path) -> Params:
    """A configuration with a place of its own on the server."""
    return make_params(environment="qa", request_log={"url": f"s3://{servers.QA}/{tmp_path.name}"})


def test_an_hour_without_s3_loses_nothing(
    s3: Platform, params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The spool keeps what comes; the shipper asks less and less often, and then ships all."""
    spool = tmp_path / "spool"
    hour = Hour(spool, 10**9, monkeypatch)
    found = shipped(s3, params, hour, spool, monkeypatch)
    down = [seconds for seconds in hour.waited if seconds > hour.waited[-1]]

    assert hour.sent >= 60 * EACH
    assert sorted(found) == sorted(f"r{number}" for number in range(hour.sent))
    assert list(spool.iterdir()) == []
    assert down == sorted(down)
    assert max(down) == LONGEST
    assert hour.count("dropped") == 0


def test_a_spool_too_small_for_the_hour_counts_what_it_drops(
    s3: Platform, params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was accepted arrives, all of it; after the hour nothing more is dropped."""
    spool = tmp_path / "spool"
    hour = Hour(spool, 50_000, monkeypatch)
    found = shipped(s3, params, hour, spool, monkeypatch)
    dropped, written = hour.count("dropped"), hour.count("written")

    assert dropped > 0
    assert written + dropped == hour.sent
    assert len(found) == len(set(found)) == written
    assert f"r{hour.sent - 1}" in found


def test_a_store_that_is_down_is_told(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is, why, and what to check; without a minute of retries."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    now = datetime.now(UTC)

    with pytest.raises(OperateError, match=r"127\.0\.0\.1:9.*check request_log\.url"):
        read(params, now, now)
