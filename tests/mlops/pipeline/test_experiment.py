"""Rules of `make experiment`: data as they come become an experiment that trains as printed."""

import os
import pty
import re
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from common import ROOT
from mlops.core.errors import ConfigError, DataError, KnownError
from mlops.pipeline import experiment, validate
from mlops.pipeline.compose import compose

TEAMS = ("billing", "delivery", "technical")


def table(mark: str = ",", names: str = "id message team", rows: int = 300, **labels: str) -> str:
    """Return rows of a number, a text with an umlaut, and a label."""
    head = mark.join(names.split())
    lines = [
        mark.join(
            [str(n), f"Größe number {n} is {TEAMS[n % 3]} again", labels.get(t := TEAMS[n % 3], t)]
        )
        for n in range(rows)
    ]
    return "\n".join([head, *lines, ""])


@pytest.fixture(name="home", autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in Git and DVC, beside it an empty folder for data, and no hub."""
    home = tmp_path / "project"
    home.mkdir()
    (tmp_path / "data").mkdir()
    shutil.copytree(ROOT / "conf", home / "conf")
    shutil.copytree(ROOT / ".dvc", home / ".dvc", ignore=shutil.ignore_patterns("tmp", "cache"))
    shutil.copyfile(ROOT / ".gitignore", home / ".gitignore")
    subprocess.run(["git", "init", "-q"], cwd=home, check=True)
    for name in ("TEXT_COLUMN", "LABEL_COLUMN", "ENCODING", "NAME", "DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.chdir(home)
    return home


def make(patch: pytest.MonkeyPatch, **variables: str) -> None:
    """Run the command with these variables."""
    for name, value in variables.items():
        patch.setenv(name, value)
    experiment.main()


BROKEN = table().replace("Größe number", '"Größe,\n""number""').replace(" again", ' again"')
STARS = table(names="key body stars", billing="1", delivery="3", technical="5")
CODED = "read as {}, for example 'Größe'"
SHAPES = {
    "latin.csv": (table(";").encode("cp1252"), CODED.format("WINDOWS-1252")),
    "tab.tsv": (table("\t").encode(), "delimiter tab"),
    "quotes.csv": (table().replace("is", '"is"').encode(), "delimiter comma"),
    "newlines.csv": (BROKEN.encode(), "300 rows, 3 columns"),
    "utf16.csv": (table("\t").encode("utf-16"), CODED.format("UTF-16")),
    "bom.csv": (table(";").encode("utf-8-sig"), "delimiter semicolon"),
    "sep.csv": (f"sep=;\n{table(';')}".encode(), "delimiter semicolon"),
    "numbers.csv": (STARS.encode(), "1 100, 3 100, 5 100"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_data_as_they_come(
    name: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are read, kept as UTF-8 where a clone finds them, and the experiment is fit to train."""
    content, said = SHAPES[name]
    (home.parent / "data" / name).write_bytes(content)

    make(monkeypatch, DATA=f"../data/{name}", NAME="mine")

    told = capsys.readouterr().out
    assert said in told
    assert told.endswith(
        f"next: make validate EXP=mine\n      make train EXP=mine\n{experiment.SHARE}"
    )
    data = compose("dev", "mine").data
    assert data.train_path == f"data/mine{Path(name).suffix}"
    assert {data.text_column, data.label_column} in ({"message", "team"}, {"body", "stars"})
    assert "Größe" in Path(data.train_path).read_text("utf-8")
    assert validate.check("mine", "dev") == []
    new = subprocess.run(
        ["git", "status", "--short", "-uall"], capture_output=True, text=True, check=True
    )
    assert f"?? {data.train_path}.dvc\n" in new.stdout
    assert f"?? {data.train_path}\n" not in new.stdout


def test_data_in_the_project_stay_where_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that Git has need no more; the name is that of the file."""
    Path("Team Tickets.csv").write_text(table())
    subprocess.run(["git", "add", "Team Tickets.csv"], check=True)

    make(monkeypatch, DATA="Team Tickets.csv")

    assert "the data are Team Tickets.csv (tracked by Git)" in capsys.readouterr().out
    assert compose("dev", "team-tickets").data.train_path == "Team Tickets.csv"


def test_what_the_rules_would_refuse_is_said_and_written(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a policy with its count; few rows and rare classes are warned of."""
    text = table(rows=90) + "90,Größe neu,\n91,Größe number 1 is delivery again,billing\n"
    (home.parent / "data/few.csv").write_text(text)

    make(monkeypatch, DATA="../data/few.csv")

    told = capsys.readouterr().out
    assert "dropped 1 with no text or no label, 2 with a text that another row labels" in told
    assert "warning: the smallest split has" in told
    written = yaml.safe_load(Path("conf/experiment/few.yaml").read_text())["prepare"]
    assert (written["nulls"], written["conflicts"]) == ("drop", "drop")
    assert validate.check("few", "dev") == []


TWO = "a,b,c\n" + "".join(f"Größe number {n} again,{n % 3},{n % 2}\n" for n in range(90))
REFUSALS: dict[str, tuple[dict[str, str], str]] = {
    "DATA is missing. Example: make experiment DATA=": ({"DATA": ""}, table()),
    "DATA: no.csv does not exist": ({"DATA": "no.csv"}, table()),
    "conf/experiment/default.yaml exists": ({"NAME": "default"}, table()),
    "NAME: 'a b' has characters": ({"NAME": "a b"}, table()),
    "NAME: expected a name without folders, found a/b": ({"NAME": "a/b"}, table()),
    "no column 'taem' (did you mean 'team'?)": ({"LABEL_COLUMN": "taem"}, table()),
    "one column (text)": ({}, "text\na film\n"),
    "may be 'b', 'c'; add LABEL_COLUMN=b or another": ({}, TWO),
    "cannot be read as utf-7000": ({"ENCODING": "utf-7000"}, table()),
    '(here: SET="data.labels=...")': ({}, table(delivery="Billing")),
}


@pytest.mark.parametrize("said", REFUSALS)
def test_a_refusal_says_what_to_type(
    said: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And leaves nothing behind."""
    variables, content = REFUSALS[said]
    (home.parent / "data/rows.csv").write_text(content)

    with pytest.raises(KnownError, match=re.escape(said)):
        make(monkeypatch, **{"DATA": "../data/rows.csv", **variables})

    assert not Path("data").exists()
    assert not Path("conf/experiment/rows.yaml").exists()


def test_on_a_terminal_it_asks(home: Path) -> None:
    """For the column that nobody can know, and takes the answer."""
    (home.parent / "data/rows.csv").write_text(TWO)
    mine, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "DATA": "../data/rows.csv"}
    os.write(mine, b"c\n")

    done = subprocess.run(
        [sys.executable, "-m", "mlops.pipeline.experiment"],
        stdin=theirs, stdout=theirs, stderr=theirs, env=environment, check=False,
    )  # fmt: skip

    assert "Which column is the label?" in os.read(mine, 10_000).decode()
    assert done.returncode == 0
    assert compose("dev", "rows").data.label_column == "c"


def test_other_data_of_that_name_are_not_written_over(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may be those of another experiment."""
    (home.parent / "data/rows.csv").write_text(table())
    Path("data").mkdir()
    Path("data/rows.csv").write_text("other")

    with pytest.raises(ConfigError, match="holds other data; choose another NAME"):
        make(monkeypatch, DATA="../data/rows.csv")

    assert Path("data/rows.csv").read_text() == "other"


def test_data_behind_an_address_are_pinned(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And stay there."""
    (home.parent / "data/rows.csv").write_text(table())
    handler = partial(SimpleHTTPRequestHandler, directory=str(home.parent / "data"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/rows.csv"
        make(monkeypatch, DATA=address, NAME="far")
        server.shutdown()

    assert f"the data are {address} (pinned in sources.lock)" in capsys.readouterr().out
    assert address in Path("sources.lock").read_text()
    assert not Path("data").exists()


def test_quotes_that_are_no_csv_can_be_said_to_be_so(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By SET, as the refusal says; the experiment keeps it."""
    (home.parent / "data/q.tsv").write_text(table("\t").replace("\tGröße", '\t"Größe', 3))
    with pytest.raises(DataError, match=r'here: SET="data.quoting=..."'):
        make(monkeypatch, DATA="../data/q.tsv")

    make(monkeypatch, SET="data.quoting=none")

    assert compose("dev", "q").data.quoting == "none"
