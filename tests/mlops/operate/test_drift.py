"""Drift as it is typed: exit codes, report, metrics, and the memory of the registry."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prometheus_client.parser import text_string_to_metric_families

import releases
from drifted import DAY, table
from ml.config import Params
from mlops.core.errors import DeployError, OperateError
from mlops.operate.drift import detect, report
from mlops.operate.requests import keys
from mlops.release import reference, register
from mlops.release.versions.registry import CHAMPION, Registry
from mlops.serving.engine import Engine
from releases import Train

SET = "drift.min_rows=100 drift.windows=2"
MORE = ["the refund was dull", "a bad refund"]


@pytest.fixture(name="live")
def _live(qa: Params, trained: Train, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A version that is live in qa."""
    trained(releases.GOOD)
    register.main()
    registry = Registry(qa)
    version = registry.alias("challenger")
    assert version
    registry.point(CHAMPION, version)
    monkeypatch.setenv("ENV", "qa")
    monkeypatch.setenv("SET", SET)
    return registry


@pytest.fixture(name="log")
def _log(project: Path, live: Registry, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that adds a day of requests, which the service has answered, to the log."""
    engine = Engine(project / "models" / "serving")
    usual = pl.read_parquet(project / "data" / "prepared" / "test.parquet")["text"].to_list()
    (project / "requests").mkdir()
    monkeypatch.setenv("INPUT", "requests")

    def add(day: int, texts: list[str] | None = None, **values: Any) -> None:
        asked = texts if texts is not None else usual
        found = table(asked, engine.predict(asked), day, **values)
        pq.write_table(found, project / "requests" / f"{day}.parquet")

    return add


def code() -> int:
    """Run the command; return its exit code."""
    try:
        detect.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def metrics() -> dict[tuple[str, str], float]:
    """Return what Prometheus would read: values by name and statistic."""
    text = (report.FOLDER / "qa.prom").read_text()
    return {
        (sample.name, sample.labels.get("statistic", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.labels["environment"] == "qa"
    }


def test_requests_like_the_held_out_rows_are_no_drift(
    log: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 0, and a report with all statistics."""
    log(0)

    assert code() == 0
    assert "no drift: no distance is beyond its bound" in capsys.readouterr().out
    found = json.loads((report.FOLDER / "qa.json").read_text())
    assert (found["verdict"], found["rows"], len(found["statistics"])) == ("no drift", 400, 7)
    assert metrics()["mlops_drift_alarm", ""] == 0
    # The same rows: what another machine rounds otherwise is no distance.
    assert {one["distance"] for one in found["statistics"].values()} == {0.0}


def test_a_drift_that_holds_is_an_alarm(
    log: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3 in the second window, and a page that shows the words."""
    log(0, MORE * 100)
    first, said = code(), capsys.readouterr().out
    log(1, MORE * 100)

    assert (first, code()) == (0, 3)
    assert "no drift yet: beyond the bound is predicted_class in 1 of 2 windows" in said
    assert "drift: predicted_class" in capsys.readouterr().out
    page = (report.FOLDER / "qa.html").read_text()
    assert "refund" in page
    assert page.count("<svg") == 5
    assert metrics()["mlops_drift_alarm", ""] == 1
    assert metrics()["mlops_drift_distance", "predicted_class"] > 0.4


def test_the_same_window_twice_is_one(log: Callable[..., None]) -> None:
    """Whoever looks again makes no alarm."""
    log(0, MORE * 100)

    assert [code(), code(), code()] == [0, 0, 0]


def test_the_registry_remembers_windows_that_the_log_has_lost(
    project: Path, live: Registry, log: Callable[..., None]
) -> None:
    """The next check may run on another machine, over a log of a day."""
    log(0, MORE * 100)
    code()
    (project / "requests" / "0.parquet").unlink()
    log(1, MORE * 100)

    assert code() == 3
    assert len(json.loads(live.notes()["drift.1"])) == 2


def test_windows_that_nobody_has_compared_are_compared_now(log: Callable[..., None]) -> None:
    """A check that failed yesterday puts no alarm off."""
    log(0, MORE * 100)
    log(1, MORE * 100)

    assert code() == 3


@pytest.mark.parametrize(
    ("changed", "said"),
    [({}, "40 texts, at least 100"), ({"request_id": ["one"] * 400}, "1 requests, at least 50")],
)
def test_too_few_requests_have_a_code_of_their_own(
    changed: dict[str, Any], said: str, log: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """They are neither drift nor none, and no metric says so."""
    log(0, None if changed else MORE * 20, **changed)

    assert code() == 4
    assert said in capsys.readouterr().out
    assert {name for name, _ in metrics()} == {
        "mlops_drift_rows", "mlops_drift_window_end_seconds",
    }  # fmt: skip


def test_without_texts_the_report_says_what_lacks(
    log: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Texts are off by default."""
    log(0, text=pa.nulls(400, pa.string()))

    assert code() == 0
    said = capsys.readouterr().out
    assert "note vocabulary is not available: the log holds no texts" in said
    assert "note embedding is not available" in said


def test_an_old_report_does_not_outlive_a_failed_check(
    log: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody takes the verdict of yesterday for that of today."""
    log(0)
    code()
    monkeypatch.setenv("INPUT", "elsewhere")

    with pytest.raises(OperateError, match="found none at elsewhere"):
        detect.main()
    assert list(report.FOLDER.iterdir()) == []


def test_the_log_of_the_environment_is_compared(
    project: Path, live: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without INPUT: the last whole day of it."""
    engine = Engine(project / "models" / "serving")
    monkeypatch.setenv("SET", f"{SET} request_log.enabled=true request_log.url=logged")
    empty = code()
    today = (datetime.now(UTC) - DAY).days
    texts = MORE * 60
    for day in range(today - 2, today + 1):  # today counts where midnight has just passed
        found = table(texts, engine.predict(texts), day)
        place = project / "logged" / keys.key("qa", (DAY + timedelta(days=day)).date(), "a")
        place.parent.mkdir(parents=True)
        pq.write_table(found, place)

    assert (empty, code()) == (4, 3)
    assert json.loads((report.FOLDER / "qa.json").read_text())["rows"] == 120


def test_a_log_of_others_alone_is_an_error(log: Callable[..., None]) -> None:
    """Somebody has named another version's log; it is no window without drift."""
    log(0, version=["2"] * 400)

    with pytest.raises(OperateError, match=r"no request that classifier version 1 .* 400 of other"):
        detect.main()


@pytest.mark.usefixtures("live")
def test_what_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The log, a version, and both with what to type."""
    with pytest.raises(
        OperateError, match=r"request_log\.enabled is false.*make drift ENV=qa INPUT="
    ):
        detect.main()
    monkeypatch.setenv("VERSION", "7")
    with pytest.raises(DeployError, match=r"no version 7 in qa\. Available: 1"):
        detect.main()


def test_without_a_live_version_the_command_is_told(
    qa: Params, trained: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version that nobody asked has no requests."""
    trained(releases.GOOD)
    register.main()
    monkeypatch.setenv("ENV", qa.environment)

    with pytest.raises(OperateError, match="no version of classifier is live in qa"):
        detect.main()


def test_the_reference_is_what_the_served_graph_answers(
    project: Path, tmp_path_factory: pytest.TempPathFactory, live: Registry
) -> None:
    """On the held-out rows, stored with the version; a version without it answers the same."""
    version = live.alias(CHAMPION)
    assert version
    stored = reference.read(live, version)
    bento = live.download(version, tmp_path_factory.mktemp("down"), "bento")
    texts = pl.read_parquet(project / "data" / "prepared" / "test.parquet")["text"].to_list()

    assert stored["text"].to_pylist() == texts
    assert stored.equals(reference.answer(bento, texts))
    assert stored["confidence"][0].as_py() == pytest.approx(
        max(Engine(bento).predict(texts[:1])[0].probabilities.values()), abs=1e-6
    )
