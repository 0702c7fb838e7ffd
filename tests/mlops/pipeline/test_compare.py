"""Rules of mlops.pipeline.compare, on runs of a real store."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import runs as recorded
from common import ROOT
from ml.config import Params
from mlflow_server import Server
from mlops.core.errors import ConfigError, TrackingError
from mlops.pipeline import compare
from mlops.pipeline.runs import page, table
from mlops.tracking import server
from mlops.tracking.search import Run

MakeParams = Callable[..., Params]
GOOD, FAIR, POOR = ([True] * n + [False] * (100 - n) for n in (90, 85, 20))


@pytest.fixture(name="store")
def _store(prepared: Path) -> Path:
    """A project with conf/ and an empty store."""
    shutil.copytree(ROOT / "conf", prepared / "conf")
    return prepared


def train(params: Params, right: list[bool], **training: object) -> str:
    """Record a run with other values."""
    changed = params.training.model_copy(update=training)
    return recorded.record(params.model_copy(update={"training": changed}), right)


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    """Run the command; return what it prints."""
    capsys.readouterr()
    compare.main()
    return capsys.readouterr().out


def row(text: str, run: str) -> str:
    """Return the row of a run."""
    return next(line for line in text.splitlines() if line[2:].startswith(run[:8]))


@pytest.mark.usefixtures("store")
def test_a_run_is_a_row(params: Params, capsys: pytest.CaptureFixture[str]) -> None:
    """The newest first: experiment, score with interval, best baseline, and what differs alone."""
    first = train(params, POOR, learning_rate=0.003)
    second = train(params, GOOD, learning_rate=0.001)

    text = shown(capsys)

    assert text.index(second[:8]) < text.index(first[:8])
    assert re.fullmatch(
        rf"\* {second[:8]}  default     0\.900 \(0\.800-1\.000\)  0\.500 tfidf  0\.900 +\d+ +"
        r"learning_rate=0\.001",
        row(text, second),
    )
    assert row(text, first).endswith("learning_rate=0.003")
    assert "seed" not in text


@pytest.mark.usefixtures("store")
def test_the_best_is_marked_with_care(params: Params, capsys: pytest.CaptureFixture[str]) -> None:
    """An interval that overlaps says so; one that does not says that, too."""
    train(params, POOR)
    train(params, GOOD)
    assert "and its interval is above all others" in shown(capsys)

    train(params, FAIR)
    assert "overlaps that of 1 of the 2 others: it may be chance" in shown(capsys)


@pytest.mark.usefixtures("store")
def test_other_test_rows_are_not_compared(
    params: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    """The best is one of those that were measured on the rows of the newest."""
    better = train(params, GOOD)
    test = Path("data/prepared/test.parquet")
    pl.read_parquet(test).head(5).write_parquet(test)
    newest = train(params, POOR)

    text = shown(capsys)

    assert row(text, newest).startswith("*")
    assert row(text, better).startswith("~")
    assert "not comparable" in text


@pytest.mark.usefixtures("store")
def test_two_runs_are_compared_row_by_row(
    params: Params, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Intervals that overlap hide what the same rows show."""
    one, other = train(params, FAIR), train(params, GOOD)
    train(params, POOR)
    monkeypatch.setenv("A", one[:6])
    monkeypatch.setenv("B", other)

    text = shown(capsys)

    assert f"row by row, {other[:8]} is ahead of {one[:8]} by 5.0 points (interval 1.0" in text
    assert "5 of 100 rows decide): more than chance explains" in text


@pytest.mark.usefixtures("store")
def test_one_experiment_is_shown_alone(
    make_params: MakeParams, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has its own MLflow experiment where its data are others; the table has all of them."""
    train(make_params(), FAIR)
    tickets = make_params(experiment="tickets", data={"train_path": "data/tickets.csv"})
    train(tickets, GOOD)
    assert {"default", "tickets"} <= set(shown(capsys).split())

    monkeypatch.setenv("EXP", "tickets")
    assert "default" not in shown(capsys)


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("EXP", "ticket", "no runs of ticket in dev; there are runs of default; run `make train"),
        ("A", "zzz", "A=zzz: no such run; the newest are "),
        ("ENV", "qa", "no runs in qa"),
    ],
)
def test_what_is_not_there_is_said(
    params: Params, variable: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what is, and what to type."""
    train(params, GOOD)
    monkeypatch.setenv(variable, value)

    with pytest.raises(TrackingError, match=re.escape(said)):
        compare.main()


@pytest.mark.usefixtures("store")
def test_a_name_that_is_more_than_a_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be a part of the query."""
    monkeypatch.setenv("EXP", "a' or tags.x = '")

    with pytest.raises(ConfigError, match="characters that a name may not have"):
        compare.main()


def test_a_project_that_never_trained_says_so(project: Path) -> None:
    """And gets no empty store by being looked at."""
    shutil.copytree(ROOT / "conf", project / "conf")

    with pytest.raises(TrackingError, match="no runs on this machine yet; run `make train"):
        compare.main()
    assert not (project / ".mlflow").exists()


def make_run(number: int, **values: str) -> Run:
    """Return a run as a store gives it."""
    params = {f"training.{name}": value for name, value in values.items()}
    figures = {"test.accuracy": 0.9, "test.macro_f1": 0.9, "test.accuracy_low": 0.8}
    tags = {"experiment": "default", "data.test.sha256": "a", "duration_s": "12.0"}
    return Run(f"{number:032x}", "", "FINISHED", 0, tags, figures, params)


def test_a_terminal_of_100_columns_holds_the_table() -> None:
    """What differs is wrapped, however much it is."""
    values = {f"a_rather_long_key_{n}": "x" * 30 for n in range(9)}
    some = [make_run(n, **{key: f"{n}{value}" for key, value in values.items()}) for n in (1, 2)]

    lines = table.lines(some, 100)

    assert max(map(len, lines)) <= 100
    assert "and 3 more" in " ".join(line[-30:].strip() for line in lines)


def test_values_say_their_section_only_where_two_end_alike() -> None:
    """`epochs=2` is clear."""
    values = {"training.epochs": "2", "model.name": "a", "data.name": "b"}

    assert table.short(values) == "epochs=2 model.name=a data.name=b"


def test_a_curve_is_laid_out_whatever_its_values_are() -> None:
    """A training that diverged leaves gaps; one epoch is a point."""
    odd = page.plot("loss", {"a": [1.0, float("nan"), 3.0], "b": [float("inf")], "c": [2.0]})

    assert {name: len(points) for name, points in odd["lines"].items()} == {"a": 2, "c": 1}
    assert all(0 <= y <= page.HEIGHT for points in odd["lines"].values() for _, y, *_ in points)


@pytest.mark.usefixtures("store")
def test_the_page_needs_nothing_but_itself(
    params: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    """Curves of each run, all values that differ, the words of the table; no script, no address."""
    ids = [train(params, GOOD, learning_rate=0.003), train(params, FAIR)]
    shown(capsys)

    text = compare.PAGE.read_text()

    assert text.count("<polyline") == 4
    assert "training.learning_rate" in text
    assert all(name[:8] in text for name in ids)
    assert not re.search(r"<script|https?://(?!www\.w3)|src=|href=", text)


@pytest.mark.integration
def test_runs_of_a_server_are_compared(
    store: Path,
    params: Params,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same table; a server that is down is one sentence."""
    remote = Server(store / "server")
    remote.start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", remote.uri)
    try:
        first, second = train(params, FAIR), train(params, GOOD)
        text = shown(capsys)
    finally:
        remote.kill()

    assert row(text, first)
    assert f"row by row, {second[:8]} is ahead" in text
    with pytest.raises(TrackingError, match="Connection refused") as down:
        compare.main()
    assert "\n" not in str(down.value)
    assert server.is_offline() is False
