"""The request log: what is written, what is dropped, and that no request waits for it."""

import fcntl
import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

import toy
from mlops.core.project import project
from mlops.serving import settings
from mlops.serving.asgi import Endpoint, Http
from mlops.serving.predictor import Predictor
from mlops.serving.request_log import log as request_log
from mlops.serving.request_log.log import is_sampled
from mlops.serving.request_log.spool import MAX_BYTES, Spool
from mlops.serving.request_log.switch import open_log
from mlops.serving.settings import FolderError

pytestmark = pytest.mark.anyio
PRIVATE = "zebra crossing"  # words that nothing else in a log has


class Service:
    """A service whose requests are kept in a folder, without a server."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.registry = folder, CollectorRegistry()
        model = settings.load(toy.serving(toy.export(folder.parent / "bento"), max_items=3))
        predictor = Predictor(model, "classifier", self.registry)
        self.log = open_log(model, self.registry)
        endpoint = Endpoint(predictor.predict, predictor, log=self.log)
        transport = httpx.ASGITransport(Http(_nobody, lambda: endpoint))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://service")

    async def predict(self, value: Any, **headers: str) -> httpx.Response:
        """Ask for a prediction."""
        return await self.client.post("/predict", json=value, headers=headers)

    def end(self) -> list[dict[str, Any]]:
        """End as SIGTERM ends it; return the lines that were written."""
        if self.log:
            self.log.close()
        texts = [path.read_text() for path in sorted(self.folder.glob("*.jsonl"))]
        return [json.loads(line) for text in texts for line in text.splitlines()]

    def settle(self, number: int) -> None:
        """Wait until so many predictions are written or dropped."""
        deadline = time.monotonic() + 30
        counts = ("written", "dropped")
        while sum(self.count("request_log_total", outcome=one) for one in counts) < number:
            assert time.monotonic() < deadline
            threading.Event().wait(0.001)

    def count(self, name: str, **labels: str) -> float:
        """Return a metric."""
        return self.registry.get_sample_value(f"bentoml_service_{name}", labels) or 0.0


async def _nobody(*_: Any) -> None:
    """Stand in for BentoML's own routes."""


@pytest.fixture(name="spool")
def _spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to which requests are logged, and nothing else set."""
    for name in [name for name in os.environ if name.startswith(("REQUEST_LOG", "MODEL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("REQUEST_LOG", str(tmp_path / "spool"))
    return tmp_path / "spool"


async def test_nothing_is_kept_by_default(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder, no thread, no header; the counters are there, at 0."""
    monkeypatch.delenv("REQUEST_LOG")
    service = Service(spool)
    answer = await service.predict({"text": PRIVATE})

    assert answer.status_code == 200
    assert "x-request-id" not in answer.headers
    assert not spool.exists()
    assert "request-log" not in {one.name for one in threading.enumerate()}
    for outcome in ("written", "dropped"):
        labels = {"outcome": outcome}
        assert service.registry.get_sample_value("bentoml_service_request_log_total", labels) == 0


async def test_a_line_says_what_was_answered(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whom, to whom, and how sure; the probabilities in the order of the labels."""
    monkeypatch.setenv("MODEL_VERSION", "7")
    service = Service(spool)
    await service.predict({"text": "good film"}, **{"X-Request-Id": "a-1", "X-Unit": "user-9"})
    (line,) = service.end()

    assert line.pop("time") > 1_700_000_000_000
    assert line == {
        "request_id": "a-1", "version": "7", "model_sha256": "0" * 64, "role": "live", "item": 0,
        "label": "positive", "confidence": 0.880797, "probabilities": [0.119203, 0.880797],
        "chars": 9, "tokens": 4, "unknown_share": 0.0, "truncated": False, "text": None,
        "text_hmac": None, "unit": "user-9",
    }  # fmt: skip
    assert service.count("request_log_total", outcome="written") == 1


async def test_a_request_without_a_name_gets_one(spool: Path) -> None:
    """A plain name is kept; what is none is replaced, and never written down."""
    service = Service(spool)
    given = await service.predict({"text": "good"}, **{"X-Request-Id": "trace:4.f_2"})
    made = await service.predict({"text": "good"})
    odd = await service.predict({"text": "good"}, **{"X-Request-Id": "two words"})
    names = [answer.headers["x-request-id"] for answer in (given, made, odd)]

    assert names[0] == "trace:4.f_2"
    assert [len(name) for name in names[1:]] == [32, 32]
    assert [line["request_id"] for line in service.end()] == names


@pytest.mark.parametrize("key", ["", "a key"])
async def test_no_byte_of_a_text_is_written_by_default(
    spool: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """Neither in the spool nor in the metrics, with an HMAC or without."""
    monkeypatch.setenv("REQUEST_LOG_KEY", key)
    service = Service(spool)
    await service.predict({"text": PRIVATE})
    await service.predict({"texts": [PRIVATE, PRIVATE]})
    metrics = (await service.client.get("/metrics")).content
    lines = service.end()
    written = b"".join(path.read_bytes() for path in spool.parent.rglob("spool/*")) + metrics

    assert len(lines) == 3
    for word in PRIVATE.split():
        assert word.encode() not in written
    assert key.encode() not in written or not key
    assert len({line["text_hmac"] for line in lines}) == 1
    assert bool(lines[0]["text_hmac"]) == bool(key)


async def test_another_key_gives_another_hmac(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has the log without the key cannot guess short texts."""
    found = []
    for key in ("one", "two"):
        monkeypatch.setenv("REQUEST_LOG_KEY", key)
        monkeypatch.setenv("REQUEST_LOG", str(spool / key))
        service = Service(spool.parent / key / "spool")
        service.folder = spool / key
        await service.predict({"text": "good"}, **{"X-Unit": "user-9"})
        found += service.end()

    assert found[0]["text_hmac"] != found[1]["text_hmac"]
    assert "user-9" not in {line["unit"] for line in found}


async def test_refused_texts_are_never_written(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a list the good ones alone, each at its place, also where texts are kept."""
    monkeypatch.setenv("REQUEST_LOG_TEXTS", "1")
    service = Service(spool)
    long = PRIVATE * 2000
    refused = await service.predict({"text": long})
    mixed = await service.predict({"texts": ["good \u00e9", long, "bad"]})
    lines = service.end()
    written = b"".join(path.read_bytes() for path in spool.iterdir())

    assert (refused.status_code, mixed.status_code) == (422, 200)
    assert [(line["item"], line["text"]) for line in lines] == [(0, "good \u00e9"), (2, "bad")]
    assert PRIVATE.encode() not in written


async def test_a_sample_is_the_same_everywhere(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a hash of the name: a mirrored request is kept by both versions or by none."""
    monkeypatch.setenv("REQUEST_LOG_SAMPLE", "0.3")
    service = Service(spool)
    names = [f"request-{number}" for number in range(200)]
    for name in names:
        await service.predict({"text": "good"}, **{"X-Request-Id": name})
    kept = {line["request_id"] for line in service.end()}

    assert kept == {name for name in names if is_sampled(name, 0.3)}
    assert 40 <= len(kept) <= 80
    assert service.count("request_log_total", outcome="dropped") == 0


@contextmanager
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A disk that takes nothing until the block ends; the event: it was asked to."""
    asked, released = threading.Event(), threading.Event()
    write = Spool.write

    def wait(self: Spool, lines: bytes) -> None:
        asked.set()
        assert released.wait(30)
        write(self, lines)

    monkeypatch.setattr(Spool, "write", wait)
    try:
        yield asked
    finally:
        released.set()


async def test_a_full_queue_drops_and_counts(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a disk that hangs each request is answered all the same."""
    monkeypatch.setattr(request_log, "SIZE", 5)
    service = Service(spool)
    with stuck(monkeypatch) as asked:
        await service.predict({"text": "good"})
        assert asked.wait(30)
        answers = [await service.predict({"texts": ["good", "bad"]}) for _ in range(8)]
    lines = service.end()

    assert {answer.status_code for answer in answers} == {200}
    assert len(lines) == 1 + 2 * 5
    assert service.count("request_log_total", outcome="written") == len(lines)
    assert service.count("request_log_total", outcome="dropped") == 2 * 3


async def test_large_bodies_do_not_fill_the_memory(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits is bounded in bytes as well, and room comes back."""
    monkeypatch.setattr(request_log, "MAX_BYTES", 100)
    service = Service(spool)
    with stuck(monkeypatch) as asked:
        await service.predict({"text": "good"})
        assert asked.wait(30)
        for _ in range(3):
            await service.predict({"text": "good film " * 5})
    assert service.count("request_log_total", outcome="dropped") == 2
    service.settle(4)
    await service.predict({"text": "good film " * 5})
    assert len(service.end()) == 3


async def test_a_full_spool_drops_and_counts(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody ships cannot fill the disk of the machine."""
    monkeypatch.setenv("REQUEST_LOG_SPOOL_MB", "0.001")
    service = Service(spool)
    spool.joinpath("unshipped.jsonl").write_bytes(b"x" * 900)
    answer = await service.predict({"texts": ["good", "bad"]})
    spool.joinpath("unshipped.jsonl").rename(spool / "unshipped")

    assert answer.status_code == 200
    assert service.end() == []
    assert service.count("request_log_total", outcome="dropped") == 2
    assert service.count("request_log_spool_bytes") == 900


async def test_what_a_project_answers_otherwise_is_counted(spool: Path) -> None:
    """A response of another shape is sent as it is, and the others are kept."""
    service = Service(spool)
    assert service.log
    form = project().requests()["OneText"]
    service.log.put([], form, {"text": "good"}, {"verdict": "fine"}, 10)
    await service.predict({"text": "good"})

    assert len(service.end()) == 1
    assert service.count("request_log_total", outcome="dropped") == 1


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("REQUEST_LOG", "/proc/nothing/spool", "cannot be made"),
        ("REQUEST_LOG_SAMPLE", "all", "REQUEST_LOG_SAMPLE: expected a number, found 'all'"),
    ],
)
def test_a_wrong_setting_ends_the_start(
    spool: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    """A log that was asked for and cannot be kept is no surprise of the next month."""
    monkeypatch.setenv(name, value)

    with pytest.raises(FolderError, match=told):
        Service(spool)


def test_a_file_is_taken_away_when_it_is_closed(tmp_path: Path) -> None:
    """Open ones are locked under another name; old ones and large ones are closed."""
    spool = Spool(tmp_path, 10**9, seconds=0)
    spool.write(b"one\n")
    (part,) = tmp_path.iterdir()
    with part.open() as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    spool.close_old()
    first = [path.suffix for path in tmp_path.iterdir()]
    spool.write(b"x" * MAX_BYTES)

    assert (part.suffix, first) == (".part", [".jsonl"])
    assert {path.suffix for path in tmp_path.iterdir()} == {".jsonl"}


def test_a_disk_that_fills_up_leaves_whole_lines(tmp_path: Path) -> None:
    """The write that does not fit is undone; the next one that fits goes on."""
    with tmpfs(tmp_path / "disk", kilobytes=64) as disk:
        spool = Spool(disk, 10**9, seconds=60)
        line = b"x" * 9_999 + b"\n"
        fitting = sum(fits(spool, line) for _ in range(8))
        spool.write(b"short\n")
        spool.close()
        (closed,) = disk.iterdir()

        assert closed.read_bytes() == line * fitting + b"short\n"
        assert 3 <= fitting <= 6


def fits(spool: Spool, line: bytes) -> bool:
    """Tell whether a line could be written."""
    try:
        spool.write(line)
    except OSError:
        return False
    return True


@contextmanager
def tmpfs(folder: Path, kilobytes: int) -> Iterator[Path]:
    """A small disk."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small disk needs the right to mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(
    ("trusted", "sent", "kept"),
    [
        ("X-Mlops-Role", "shadow", "shadow"),
        ("X-Mlops-Role", "canary", "canary"),
        ("X-Mlops-Role", "anything", "live"),
        ("", "shadow", "live"),
    ],
)
async def test_a_trusted_proxy_says_as_what_it_asks(
    spool: Path, monkeypatch: pytest.MonkeyPatch, trusted: str, sent: str, kept: str
) -> None:
    """A word of the log's own; where no proxy is trusted, a caller cannot hide a request."""
    monkeypatch.setenv("REQUEST_LOG_ROLE_HEADER", trusted)
    service = Service(spool)
    await service.predict({"text": "good film"}, **{"X-Mlops-Role": sent})

    assert [line["role"] for line in service.end()] == [kept]
