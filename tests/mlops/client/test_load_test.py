"""The load test: the objective, what it asks, and a real service under Locust."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import polars as pl
import pytest

import answering
import ci_tools
import load_bounds
import served
import stalling
from common import ROOT
from mlops.ci import summary
from mlops.client import address, load_generator, load_outcome, load_test
from mlops.client.address import Address
from mlops.client.load_outcome import Outcome
from mlops.core.errors import ServingError
from mlops.pipeline.compose import compose

WANTED = load_bounds.of(rate=10, seconds=10, max_p99_ms=100.0, max_error_share=0.01)
EVEN = [number / 10 for number in range(100)]


def run(latency: float = 0.05, late: float = 0.0, failed: int = 0, pace: float = 1.0) -> Outcome:
    """Return a run of 100 requests that all took as long since they were sent."""
    reasons = ["status 503"] * failed + [""] * (100 - failed)
    return load_outcome.of(
        (due, due * pace + late, due * pace + late + latency, reason)
        for due, reason in zip(EVEN, reasons, strict=True)
    )


def failed(found: Outcome) -> set[str]:
    """Return the criteria that are missed."""
    return {check.criterion for check in found.checks(WANTED) if not check.passed}


def test_what_holds_every_bound_passes() -> None:
    """The bounds belong to what is allowed."""
    assert failed(run(latency=0.0999, failed=1)) == set()


@pytest.mark.parametrize(
    ("found", "criterion"),
    [
        (run(latency=0.101), "latency, p99 ms"),
        (run(failed=2), "errors, share"),
        (run(latency=float("nan")), "latency, p99 ms"),
    ],
)
def test_each_bound_is_held(found: Outcome, criterion: str) -> None:
    """Slow or failing is the service's own fault."""
    assert failed(found) == {criterion}
    assert "misses its objective" in load_test.check(found, WANTED, "x")


def test_no_answer_at_all_misses_everything() -> None:
    """Nothing found is no success."""
    assert failed(load_outcome.of([])) == {"rate", "errors, share", "latency, p99 ms"}
    assert "misses its objective" in load_test.check(load_outcome.of([]), WANTED, "x")


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (run(late=0.08), "late by 80 ms"),
        (run(pace=1.2), "sent 8.3/s of 10/s"),
        (run(pace=1.2, late=0.08), "late by"),
    ],
)
def test_a_late_generator_is_not_the_services_latency(found: Outcome, why: str) -> None:
    """The run fails, and says that it was not judged."""
    assert failed(found)
    assert why in found.doubt(WANTED)
    assert "says nothing about x" in load_test.check(found, WANTED, "x")


@pytest.mark.parametrize(
    "found", [run(latency=0.2, late=0.08), run(late=0.08, failed=2), run(late=0.04)]
)
def test_a_late_generator_excuses_nothing_else(found: Outcome) -> None:
    """What would be missed without it is missed; what holds in spite of it holds."""
    assert found.doubt(WANTED) == ""


def test_the_quantiles_are_exact() -> None:
    """The latency that the share does not exceed, not the middle of a bucket."""
    found = load_outcome.quantiles(
        [0.0] * 100, [number / 1000 + 0.000123 for number in range(1, 101)]
    )

    assert found == {"p50": 50.123, "p90": 90.123, "p95": 95.123, "p99": 99.123, "max": 100.123}


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
        self.answer(503 if Refusing.asked % 2 == 0 else 200, answering.PREDICTION)

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
    monkeypatch.setattr(load_generator, "LOCUST", ci_tools.installed() / "locust")
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
    assert found["requests"] == 60
    assert after - before == found["requests"] + 1
    assert "20/s for 3 s" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.usefixtures("short")
def test_a_service_that_refuses_fails(
    refusing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reason is told, the report is written, the exit code is 1."""
    monkeypatch.setenv("URL", refusing)

    with pytest.raises(ServingError, match=r"\(dev\) misses its objective: errors, share: 0\.5"):
        load_test.main()

    found = json.loads(load_test.REPORT.read_text())
    assert (found["passed"], found["valid"]) == (False, True)
    assert found["reasons"] == {"status 503": 30}
    assert "30 times: status 503" in capsys.readouterr().out
    assert "misses its objective at 20/s" in "\n".join(summary.lines({}, {}, found, {}))


def test_nobody_there_is_told_at_once(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    """Before a minute of failures."""
    (project / "conf").symlink_to(ROOT / "conf")
    monkeypatch.setenv("URL", f"http://127.0.0.1:{served.free_port()}")

    with pytest.raises(ServingError, match="no service at"):
        load_test.main()


RATE, SECONDS = 60, 4


@pytest.mark.slow
@pytest.mark.usefixtures("short")
def test_latency_counts_from_when_a_request_was_due() -> None:
    """A service that stands still keeps all waiting that were due meanwhile.

    It moves again when a second and a half of the schedule waits for it: users who wait for an
    answer before they ask again would never get there.
    """
    log = stalling.Log(stall_at=RATE, stall_for=3 * RATE // 2)
    wanted = load_bounds.of(rate=RATE, seconds=SECONDS, max_p99_ms=1.0, max_error_share=0.0)
    texts = [str(number) for number in range(RATE * SECONDS)]
    with stalling.serve(log) as url:
        found = load_test.measured(address.parse(url, "URL"), texts, wanted)

    # By the server's own log, and counted from when the first request came: it was due earlier.
    first = log.came["0"]
    due = [first + number / RATE for number in range(len(texts))]
    by_schedule = load_outcome.quantiles(due, [log.answered[text] for text in texts])
    assert log.ended_by_requests
    assert found.requests == len(texts)
    assert by_schedule["p90"] > 500
    assert all(found.milliseconds[name] >= least for name, least in by_schedule.items())


@pytest.mark.slow
@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (answering.BAD_GATEWAY, "status 502"),
        (answering.http(302, "", "", "Location: /login"), "status 302"),
        (answering.http(200, '{"label": "x"}'), "status 200 without a prediction"),
        (b"", "the connection was closed without an answer"),
        (None, "no answer within 0.5 s"),
    ],
)
def test_what_is_no_prediction_is_counted_with_its_reason(
    answer: bytes | None, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is asked again, no redirect followed, and a timeout lasts as long as it did."""
    monkeypatch.setattr(load_generator, "TIMEOUT", 0.5)
    wanted = load_bounds.of(rate=10, seconds=1, max_p99_ms=1.0, max_error_share=0.0)
    with answering.serve(answer) as server:
        found = load_test.measured(Address("http", "127.0.0.1", server.port), ["a"], wanted)

    assert found.reasons == {reason: 10}
    assert len(server.requests) == 10
    assert answer is not None or found.milliseconds["p50"] >= 500
