"""The load test: the objective, what it asks, and a real service under Locust."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import polars as pl
import pytest

import ci_tools
import served
from conftest import ROOT
from ml import load_test
from ml.compose import compose
from ml.config import LoadTest
from ml.errors import ServingError
from ml.loading.outcome import Outcome

WANTED = LoadTest(rate=10, seconds=10, max_p99_ms=100.0, max_error_share=0.01)
GOOD = Outcome(100, 1, {"p50": 5.0, "p95": 9.0, "p99": 100.0, "max": 300.0}, {}, 9.9)


def failed(outcome: Outcome) -> set[str]:
    """Return the criteria that are missed."""
    return {check.criterion for check in outcome.checks(WANTED) if not check.passed}


def test_what_holds_every_bound_passes() -> None:
    """The bounds belong to what is allowed."""
    assert failed(GOOD) == set()


@pytest.mark.parametrize(
    ("outcome", "criterion"),
    [
        (Outcome(100, 0, {"p99": 101.0}, {}, 9.9), "latency, p99 ms"),
        (Outcome(100, 2, {"p99": 50.0}, {}, 9.9), "errors, share"),
        (Outcome(89, 0, {"p99": 50.0}, {}, 9.9), "rate"),
        (Outcome(100, 0, {"p99": float("nan")}, {}, 9.9), "latency, p99 ms"),
    ],
)
def test_each_bound_is_held(outcome: Outcome, criterion: str) -> None:
    """Slow, failing, not asked as often as planned: a service that lags cannot hide it."""
    assert failed(outcome) == {criterion}


def test_no_answer_at_all_misses_everything() -> None:
    """Nothing found is no success."""
    assert failed(Outcome(0, 0, {}, {}, 0.0)) == {"rate", "errors, share", "latency, p99 ms"}


def test_the_objective_of_qa_stands_in_its_file() -> None:
    """It is stricter than the default, and a minute long."""
    qa, dev = compose("qa").load_test, compose("dev").load_test

    assert (qa.seconds, dev.seconds) == (60, 60)
    assert qa.rate > dev.rate


def test_real_texts_are_asked(project: Path) -> None:
    """Those of the test split; without it the examples of the configuration."""
    (project / "conf").symlink_to(ROOT / "conf")
    params = compose("dev")
    assert load_test.texts(params)[0][0] == params.export.example
    assert len(load_test.texts(params)[0]) > 10

    (project / "data" / "prepared").mkdir(parents=True)
    pl.DataFrame({"text": ["a", "b"], "label": [0, 1]}).write_parquet(load_test.TEST)

    assert load_test.texts(params) == (["a", "b"], "2 texts of the test split")


class Refusing(BaseHTTPRequestHandler):
    """Predicts, but for every second text of a load test."""

    asked = 0

    def do_GET(self) -> None:
        """Tell what is served."""
        self.answer(200, {"name": "toy", "version": "v1"})

    def do_POST(self) -> None:
        """Refuse every second request."""
        self.rfile.read(int(self.headers["content-length"]))
        Refusing.asked += 1
        self.answer(503 if Refusing.asked % 2 == 0 else 200, {"label": "x", "probabilities": {}})

    def answer(self, status: int, body: object) -> None:
        """Send JSON."""
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture(name="refusing")
def _refusing() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(name="short")
def _short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A load test of three seconds in a folder that has conf/ alone."""
    monkeypatch.setattr(load_test, "LOCUST", ci_tools.installed() / "locust")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").symlink_to(ROOT / "conf")
    monkeypatch.setenv("SET", "load_test.seconds=3 load_test.rate=20 load_test.max_p99_ms=20000.0")


@pytest.mark.slow
@pytest.mark.usefixtures("short")
def test_a_real_service_is_measured(
    server: served.Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The served Bento is asked at the rate, and table and JSON say so."""
    monkeypatch.setenv("URL", server.url)
    monkeypatch.setenv("ENV", "qa")
    before = server.metric("bentoml_service_request_total", endpoint="/predict")

    load_test.main()

    found = json.loads(load_test.REPORT.read_text())
    after = server.metric("bentoml_service_request_total", endpoint="/predict")
    assert (found["passed"], found["environment"], found["failures"]) == (True, "qa", 0)
    assert 57 <= found["requests"] <= 66
    assert after - before == found["requests"] + 1
    assert "20/s for 3 s" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.usefixtures("short")
def test_a_service_that_refuses_fails(
    refusing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reason is told, the report is written, the exit code is 1."""
    monkeypatch.setenv("URL", refusing)

    with pytest.raises(ServingError, match=r"misses the objective of dev: errors, share: 0\.5"):
        load_test.main()

    assert json.loads(load_test.REPORT.read_text())["passed"] is False
    assert "503" in capsys.readouterr().out


def test_nobody_there_is_told_at_once(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    """Before a minute of failures."""
    (project / "conf").symlink_to(ROOT / "conf")
    monkeypatch.setenv("URL", f"http://127.0.0.1:{served.free_port()}")

    with pytest.raises(ServingError, match="a service should answer"):
        load_test.main()
