"""Logged requests go to people as a table, and what they label comes back as data."""

import csv
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import logged
from common import ROOT
from mlops.core.errors import ConfigError, DataError, KnownError, OperateError
from mlops.operate.requests import add_labels, label, labelled
from mlops.operate.requests.choose import choose
from mlops.operate.requests.shipper import Shipper
from mlops.operate.requests.store import Folder
from mlops.pipeline import validate
from mlops.pipeline.compose import compose

NOW = datetime.now(UTC)
TEAMS = ("billing", "delivery")


@pytest.fixture(name="home", autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in Git and DVC whose experiment `tickets` has data of its own."""
    home = tmp_path / "project"
    home.mkdir()
    shutil.copytree(ROOT / "conf", home / "conf")
    shutil.copytree(ROOT / ".dvc", home / ".dvc", ignore=shutil.ignore_patterns("tmp", "cache"))
    shutil.copyfile(ROOT / ".gitignore", home / ".gitignore")
    subprocess.run(["git", "init", "-q"], cwd=home, check=True)
    for name in ("DATA", "NAME", "EXP", "ENCODING", "N"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ENV", "prod")
    store = tmp_path / "store"
    on = "request_log.enabled=true request_log.texts=true request_log.shipper=x"
    monkeypatch.setenv("SET", f"request_log.url={store} {on}")
    monkeypatch.chdir(home)
    (home / "data").mkdir()
    rows = [f"a {TEAMS[n % 2]} matter number {n},{TEAMS[n % 2]}" for n in range(60)]
    (home / "data" / "tickets.csv").write_text("\n".join(["message,team", *rows, ""]))
    (home / "conf" / "experiment" / "tickets.yaml").write_text(
        "data:\n  train_path: data/tickets.csv  # 60 rows\n  text_column: message\n"
        "  label_column: team\nprepare:\n  min_rows: 1\n"
    )
    return home


def log(tmp_path: Path, *lines: bytes) -> None:
    """Log and ship predictions."""
    logged.spool(tmp_path / "spool", lines)
    Shipper(tmp_path / "spool", Folder(tmp_path / "store"), "prod").ship()


def lines(number: int, text: str, **found: float) -> bytes:
    """Return the line of a request of the last hour."""
    time = NOW - timedelta(minutes=number)
    return logged.lines(f"r{number}", time, text, **found)


def requests(count: int) -> list[bytes]:
    """Return requests of different certainty, some with unknown words."""
    return [
        lines(n, f"text {n}", positive=0.5 + n / 100, unknown=(n % 7 == 0) * 0.5)
        for n in range(count)
    ]


def add(patch: pytest.MonkeyPatch, **variables: str) -> None:
    """Run `make add-labels` with these variables."""
    patch.setenv("SET", "")
    for name, value in variables.items():
        patch.setenv(name, value)
    add_labels.main()


def table(text: str) -> Path:
    """Write what people have labelled."""
    path = Path("labelled.csv")
    path.write_text(text, encoding="utf-8")
    return path


def test_the_least_certain_and_the_least_familiar_go_to_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same rows in the same order each time; the column of labels is empty."""
    log(tmp_path, *requests(40))
    monkeypatch.setenv("N", "8")
    label.main()
    first = label.TABLE.read_bytes()
    label.main()
    rows = list(csv.DictReader(first.decode("utf-8-sig").splitlines()))

    assert label.TABLE.read_bytes() == first
    assert [row["why"] for row in rows] == ["uncertain"] * 4 + ["unknown words"] * 4
    assert [row["text"] for row in rows[:4]] == [f"text {n}" for n in range(4)]
    assert {row["text"] for row in rows[4:]} <= {f"text {n}" for n in (7, 14, 21, 28, 35)}
    assert {row["label"] for row in rows} == {""}
    assert "8 of 40 predictions" in capsys.readouterr().out


def test_each_text_goes_out_once_and_known_ones_never(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has been labelled is data by then."""
    log(tmp_path, *[lines(n, "the same text") for n in range(3)], lines(9, "a known text"))
    (home / "data" / "raw").mkdir()
    pq.write_table(pa.table({"text": ["a known text"]}), home / "data" / "raw" / "train.parquet")
    label.main()
    found = label.TABLE.read_text("utf-8-sig")

    assert found.count("the same text") == 1
    assert "a known text" not in found


def test_without_unknown_words_the_odd_lengths_go_out() -> None:
    """The shortest and the longest before those in between."""
    rows = [
        {"request_id": f"r{n}", "item": 0, "time": NOW, "text": "x" * size, "chars": size,
         "confidence": 0.99 if size == 2000 else 0.9, "unknown_share": 0.0}
        for n, size in enumerate([50, 51, 52, 53, 54, 55, 56, 2000])
    ]  # fmt: skip
    uncertain, odd = choose(rows, 2)

    assert uncertain.row["chars"] < 60
    assert (odd.row["chars"], odd.why) == (2000, "unusual length")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("request_log.enabled=true", "request_log.enabled and request_log.texts are off"),
        ("request_log.texts=true", "request_log.texts is off"),
    ],
)
def test_without_texts_it_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str, told: str
) -> None:
    """And writes nothing."""
    silent = lines(1, "x").replace(b'"text":"x"', b'"text":null')
    log(tmp_path, silent)
    off = change.replace("true", "false")
    extra = " request_log.texts=false" if "enabled" in change else ""
    monkeypatch.setenv("SET", os.environ["SET"].replace(change, off) + extra)

    with pytest.raises(OperateError, match=told):
        label.main()
    assert not label.TABLE.exists()


def test_no_cell_is_a_formula(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may send `=1+1` to a service; what comes back is what was sent."""
    texts = ["=1+1", "+49 30 1234", "'=quoted", "@all", "-5 degrees", "plain", "'tis"]
    log(tmp_path, *[lines(n, text) for n, text in enumerate(texts)])
    label.main()
    raw = label.TABLE.read_text("utf-8-sig").splitlines()
    head, *rows = csv.reader(raw)
    filled = [[row[0], "billing", *row[2:]] for row in rows]
    with Path("labelled.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["message", "team", *head[2:]], *filled])
    data = compose("dev", "tickets").data
    back = labelled.read(Path("labelled.csv"), data, list(TEAMS))

    assert not [row for row in rows if row[0][0] in "=+-@"]
    assert sorted(back["text"].to_pylist()) == sorted(texts)


def test_labelled_rows_become_data_of_a_new_experiment(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside the old ones, which stay as they were, in a file of their own; it validates."""
    before = (home / "data" / "tickets.csv").read_bytes()
    path = table("message;team;note\nmy bill, again;billing;x\nwhere is it;delivery;y\n")
    add(monkeypatch, DATA=str(path), EXP="tickets", NAME="tickets-2")
    out = capsys.readouterr().out
    new = compose("dev", "tickets-2").data
    files = sorted(one.name for one in Path(new.train_path).iterdir())

    assert "added 2 rows (billing 1, delivery 1)" in out
    assert validate.check("tickets-2", "dev") == []
    assert files == ["labelled-labelled.csv", "tickets.csv"]
    assert (home / "data" / "tickets.csv").read_bytes() == before
    assert (Path(new.train_path) / "tickets.csv").read_bytes() == before
    assert Path("data/tickets-2.dvc").exists()
    assert (
        new.model_copy(update={"train_path": "data/tickets.csv"}) == compose("dev", "tickets").data
    )
    assert (
        "train_path: data/tickets-2  # 60 rows"
        in Path("conf/experiment/tickets-2.yaml").read_text()
    )


def test_labels_can_be_added_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """To a folder that has them from before."""
    path = table("message,team\nmy bill,billing\n")
    add(monkeypatch, DATA=str(path), EXP="tickets", NAME="tickets-2")
    path.rename("second.csv")
    add(monkeypatch, DATA="second.csv", EXP="tickets-2", NAME="tickets-3")

    assert sorted(one.name for one in Path("data/tickets-3").iterdir()) == [
        "labelled-labelled.csv", "labelled-second.csv", "tickets.csv"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "error", "told"),
    [
        ("a,billing\nb,\nc,\n", DataError, r"no label in row 3, 4 \(the header is row 1\)"),
        ("a,billing\nb,Billing\n", DataError, r"row 3 \(Billing\).*expected 'billing', 'delivery'"),
        ("a,billing\n ,billing\n", DataError, "no text in row 3"),
        ("", DataError, "no rows"),
    ],
)
def test_what_nobody_may_train_on_is_refused(
    monkeypatch: pytest.MonkeyPatch, rows: str, error: type[KnownError], told: str
) -> None:
    """With the numbers of the rows as a spreadsheet shows them; nothing is written."""
    path = table(f"message,team\n{rows}")

    with pytest.raises(error, match=told):
        add(monkeypatch, DATA=str(path), EXP="tickets", NAME="tickets-2")
    assert not Path("data/tickets-2").exists()
    assert not Path("conf/experiment/tickets-2.yaml").exists()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"EXP": "default"}, "synthetic, which has no files"),
        ({"NAME": "tickets"}, "exists"),
        ({"DATA": "nothing.csv"}, "does not exist"),
        ({"NAME": ""}, "NAME must be given"),
    ],
)
def test_a_wrong_word_is_told(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], told: str
) -> None:
    """With an example."""
    table("message,team\nmy bill,billing\n")
    usual = {"DATA": "labelled.csv", "EXP": "tickets", "NAME": "tickets-2"}

    with pytest.raises(ConfigError, match=told):
        add(monkeypatch, **(usual | given))


def test_parquet_stays_parquet(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the types that its columns have."""
    place = Path("data/stars.parquet")
    pq.write_table(pa.table({"message": ["a", "b"] * 20, "team": [1, 5] * 20}), place)
    text = Path("conf/experiment/tickets.yaml").read_text()
    Path("conf/experiment/stars.yaml").write_text(text.replace("tickets.csv", "stars.parquet"))
    path = table("message,team\nfine,5\n")
    add(monkeypatch, DATA=str(path), EXP="stars", NAME="stars-2")
    found = pq.read_table("data/stars-2/labelled-labelled.parquet")

    assert found.to_pylist() == [{"message": "fine", "team": 5}]
    assert found.schema.field("team").type == pa.int64()
