"""The sweep of the load test: rows, the knee, and what it costs to predict."""

import itertools
import json
import struct
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import answering
import ci_tools
import load_bounds
import one_at_a_time
import stalling
from common import ROOT
from mlops.ci import summary
from mlops.client import (
    address,
    busy,
    load_curve,
    load_generator,
    load_picture,
    load_sweep,
    load_table,
    load_test,
)
from mlops.client.address import Address
from mlops.client.busy import Counters
from mlops.client.load_curve import Knee, Row
from mlops.config.schema import Params
from mlops.core.errors import ServingError

WANTED = load_bounds.of(max_p99_ms=100.0, sweep_seconds=60, warmup_seconds=5)


def simulated(rate: int, cost: float = 0.01, seconds: int = 65) -> Row:
    """Return the row of a server that answers one request at a time, without a clock."""
    due = load_generator.poisson(rate, seconds)
    return load_curve.row(rate, one_at_a_time.simulated(due, cost), WANTED)


def row(late: float = 0.0, took: float = 0.01, reasons: tuple[str, ...] = ()) -> Row:
    """Return the row of 100 requests, each as late and as slow, of which some failed."""
    texts = [*reasons, *[""] * (100 - len(reasons))]
    return load_curve.row(
        10,
        [(n / 10, n / 10 + late, n / 10 + late + took, text) for n, text in enumerate(texts)],
        load_bounds.of(warmup_seconds=0),
    )


def fixed(rate: int, held: bool, invalid: str = "") -> Row:
    """Return a row of which only the outcome counts."""
    took = {"p50": 1.0, "p95": 2.0, "p99": 3.0}
    return Row(rate, 100, took, 0.0, 0.0, 0.1, invalid, held and not invalid, 0.5)


def test_the_knee_of_a_server_of_known_capacity_is_found() -> None:
    """Between two rates a tenth apart; below the 100/s that it could take one by one."""
    rows = load_curve.search([10, 20, 40, 80, 160, 320, 640], simulated)
    found = load_curve.knee(rows)

    assert found.rate
    assert found.above
    assert 70 <= found.rate < found.above <= load_curve.PRECISION * found.rate
    assert found.above <= 100
    assert found.reason == ""
    assert [one.rate for one in rows][-2:] == [160, 320]  # no more once two do not hold


def test_arrivals_are_those_of_many_callers() -> None:
    """Gaps vary as much as they last, which an even schedule would hide; the same each time."""
    due = load_generator.poisson(100, 100)
    gaps = [after - before for before, after in itertools.pairwise(due)]
    mean = sum(gaps) / len(gaps)
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5

    assert mean == pytest.approx(0.01, rel=0.05)
    assert deviation == pytest.approx(mean, rel=0.05)
    assert due == load_generator.poisson(100, 100)
    assert due[-1] < 100


def test_a_late_generator_is_invalid_and_never_good() -> None:
    """Its median over a millisecond says so, however well the service did."""
    assert row(late=0.0009).held
    assert not row(late=0.0011).held
    assert row(late=0.0011).invalid == "generator late by 1.1 ms (median)"
    assert row(late=0.0011).invalid in load_table.cells(asdict(row(late=0.0011)))[-1]


def test_503_and_other_errors_are_told_apart() -> None:
    """Both are requests without a prediction."""
    found = row(reasons=("status 503", "status 503", "status 500"))

    assert (found.refused, round(found.errors, 6), found.held) == (0.02, 0.01, False)


def test_the_warm_up_is_dropped() -> None:
    """Slow answers in it do not count, those after it do."""
    slow_first = [(n / 10, n / 10, n / 10 + (1 if n < 10 else 0.01), "") for n in range(50)]
    found = load_curve.row(10, slow_first, load_bounds.of(warmup_seconds=1))

    assert (found.requests, found.held) == (40, True)
    assert not load_curve.row(10, slow_first, load_bounds.of(warmup_seconds=0)).held
    assert not load_curve.row(10, slow_first, load_bounds.of(warmup_seconds=9)).held  # none left


@pytest.mark.parametrize(
    ("rows", "rate", "reason"),
    [
        ([fixed(10, True), fixed(20, True)], 20, "no higher rate was offered"),
        ([fixed(10, True), fixed(20, True, "late")], 10, "nothing is known of 20/s: late"),
        ([fixed(10, False), fixed(20, False)], None, "no rate holds"),
        ([fixed(10, True, "late"), fixed(20, True, "late")], None, "no rate holds; at 10/s: late"),
        ([fixed(10, False), fixed(20, True), fixed(30, False)], 20, ""),
    ],
)
def test_a_knee_that_is_not_known_says_why(rows: list[Row], rate: int | None, reason: str) -> None:
    """What was not offered, and what the generator could not send, is unknown and not good."""
    found = load_curve.knee(rows)

    assert found.rate == rate
    assert found.reason.startswith(reason)
    assert bool(found.reason) == bool(reason)
    known = load_sweep.target(rows, found, 1)
    assert known == (None if reason else 0.5)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (Counters(1.0, 6.0, 150), 0.5),
        (Counters(1.0, 6.0, 125), None),  # half of them went to another server
        (Counters(1.0, 6.0, 250), None),  # others asked as well
        (Counters(2.0, 6.0, 150), None),  # started anew
        (None, None),
    ],
)
def test_busy_seconds_are_those_of_one_server_that_got_them_all(
    after: Counters | None, expected: float | None
) -> None:
    """Else nobody knows whose they are."""
    assert busy.share(Counters(1.0, 1.0, 50), after, 100, 10.0) == expected


def test_counters_are_summed_and_a_missing_one_is_unknown() -> None:
    """Requests to /predict of every status; another endpoint is no prediction."""
    name = "bentoml_service_request_total"
    text = (
        "bentoml_service_start_time_seconds 7.0\nbentoml_service_predict_busy_seconds_total 1.5\n"
        f'{name}{{endpoint="/predict",http_response_code="200"}} 3\n'
        f'{name}{{endpoint="/predict",http_response_code="503"}} 2\n'
        f'{name}{{endpoint="/info",http_response_code="200"}} 9\n'
    )

    assert busy.parse(text) == Counters(7.0, 1.5, 5.0)
    assert busy.parse(text.replace("busy", "idle")) is None


def test_a_service_without_metrics_is_unknown() -> None:
    """Also where something else answers there."""
    for body in ("<html>", "{", ""):
        with answering.serve(answering.http(200, body)) as server:
            assert busy.scrape(Address("http", "127.0.0.1", server.port)) is None


@pytest.mark.parametrize(
    ("share", "threads", "expected"),
    [(1.25, 2, 0.62), (2.01, 2, 0.99), (2.2, 2, None), (None, 2, None), (0.001, 1, None)],
)
def test_the_target_is_per_thread(
    share: float | None, threads: int, expected: float | None
) -> None:
    """Rounded down; more than the threads can be is a service that conf/ does not describe."""
    assert busy.target(share, threads) == expected


def test_what_a_service_says_of_itself_becomes_no_markdown() -> None:
    """A hash with a tag or a column in it is shown without."""
    found: dict[str, Any] = {
        "service": {"model_sha256": "<b>|"}, "image": None, "threads": 2, "cores": 2, "rows": [],
        "busy_threads": None, "objective": WANTED.model_dump(),
        "knee": {"rate": None, "above": None, "reason": "<script>|"},
    }  # fmt: skip
    text = "\n".join(load_table.markdown(found))

    assert "<b>" not in text
    assert "<script>" not in text


def test_a_picture_is_drawn_where_nothing_is_known(tmp_path: Path) -> None:
    """Without a valid row there is nothing to draw, and no error."""
    load_picture.draw([fixed(1, True, "late")], Knee(None, 1, "x"), 100.0, tmp_path / "a.png")

    assert (tmp_path / "a.png").stat().st_size > 1000


COST = 0.05  # 20 a second at the most


@pytest.fixture(name="short")
def _short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A sweep of seconds in a folder that has conf/ alone, on a machine that may be busy."""
    monkeypatch.setattr(load_generator, "LOCUST", ci_tools.installed() / "locust")
    monkeypatch.setattr(load_curve, "MOST_LATE", 500.0)
    monkeypatch.setattr(load_curve, "PRECISION", 1.5)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").symlink_to(ROOT / "conf")
    words = "sweep_rates=[10,40] sweep_seconds=3 warmup_seconds=1 max_p99_ms=1000.0"
    own = " ".join(f"load_test.{word}" for word in words.split())
    monkeypatch.setenv("SET", f"{own} serving.workers=1")
    monkeypatch.setenv("SWEEP", "1")


@pytest.mark.slow
@pytest.mark.usefixtures("short")
def test_a_sweep_finds_the_knee_of_a_real_server(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rate at which its cost alone breaks the bound never holds; the reports agree."""
    with one_at_a_time.serve(COST) as url:
        monkeypatch.setenv("URL", url)
        load_test.main()

    found, shown = json.loads(load_table.REPORT.read_text()), capsys.readouterr().out
    bounds = load_bounds.of(**found["objective"])
    for one in found["rows"]:
        due = load_generator.poisson(one["rate"], 4)
        best = load_curve.row(one["rate"], one_at_a_time.simulated(due, COST), bounds)
        assert one["requests"] == best.requests
        assert one["milliseconds"]["p50"] >= best.milliseconds["p50"]
        assert best.held or not one["held"]
    assert 10 <= found["knee"]["rate"] < 40
    assert found["knee"]["reason"] == ""
    assert found["service"]["model_sha256"] == one_at_a_time.SHA
    line = f"deploy.busy_threads: {found['busy_threads']:.2f}"
    assert 0.1 < found["busy_threads"] <= 0.99
    for text in (shown, load_table.TABLE.read_text(), "\n".join(summary.lines({}, {}, {}, found))):
        assert line in text
        assert f"knee {found['knee']['rate']}/s" in text
    assert min(struct.unpack(">II", load_table.PICTURE.read_bytes()[16:24])) > 400


@pytest.mark.slow
@pytest.mark.usefixtures("short")
def test_a_stall_is_seen_at_its_rate() -> None:
    """All that were due meanwhile were late, so the rate does not hold, and no server is busy."""
    rate, wanted = 60, load_bounds.of(max_p99_ms=100.0)
    log = stalling.Log(stall_at=rate, stall_for=rate)
    with stalling.serve(log) as url:
        asked = [str(number) for number in range(1000)]
        found = load_sweep.measured(address.parse(url, "URL"), asked, rate, wanted)

    assert log.ended_by_requests
    assert not found.held
    assert found.milliseconds["p95"] > 300
    assert found.busy is None


def test_a_service_that_holds_no_rate_fails(
    monkeypatch: pytest.MonkeyPatch, project: Path, params: Params
) -> None:
    """The reports are written, and the exit code is 1."""
    (project / "reports").mkdir()
    monkeypatch.setattr(load_sweep, "measured", lambda *given: fixed(given[2], False))
    with pytest.raises(ServingError, match="no rate holds"):
        load_sweep.sweep(params, Address("http", "127.0.0.1", 1), ["a"], {})

    assert "knee unknown" in load_table.TABLE.read_text()
    assert load_table.PICTURE.exists()
