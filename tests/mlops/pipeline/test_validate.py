"""Rules of `python -m mlops.pipeline.validate`."""

import re
import shutil
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from common import ROOT
from mlops.core.errors import ConfigError
from mlops.pipeline import validate
from mlops.pipeline.own_data import look

EXPERIMENTS = sorted(path.stem for path in (ROOT / "conf" / "experiment").glob("*.yaml"))


@pytest.fixture(name="conf", autouse=True)
def _conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of conf/ in the current folder, and no words on the command line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["validate"])
    return Path(shutil.copytree(ROOT / "conf", "conf"))


def test_everything_that_is_committed_validates(capsys: pytest.CaptureFixture[str]) -> None:
    """Each experiment of the template is fit for each environment, without any variable set."""
    validate.main()

    told = capsys.readouterr().out.splitlines()
    assert [line for line in told if "warning" not in line] == [
        f"{name} (dev, prod, qa): ok" for name in EXPERIMENTS
    ]
    allowed = re.compile("resources.gpu asks for 1|hf:.* was not looked at")
    assert all(allowed.search(line) for line in told if "warning" in line)


def test_validating_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Params.yaml belongs to `compose` alone."""
    monkeypatch.setenv("ENV", "dev")
    validate.main()

    assert [path.name for path in Path().iterdir()] == ["conf"]


def test_one_experiment_in_one_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A word on the command line or EXP names the experiment, ENV the environment."""
    monkeypatch.setenv("ENV", "qa")
    monkeypatch.setenv("EXP", "default")
    validate.main()
    monkeypatch.setattr(sys, "argv", ["validate", "bert-sentiment"])
    validate.main()

    assert capsys.readouterr().out.splitlines()[:2] == [
        "default (qa): ok",
        "bert-sentiment (qa): ok",
    ]


def test_all_failures_are_listed(
    conf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bad experiment fails the whole, after everything has been told."""
    monkeypatch.setenv("ENV", "dev")
    (conf / "experiment/bad.yaml").write_text("training:\n  epochs: 0\nfoo: 1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=f"1 of {len(EXPERIMENTS) + 1} configurations"):
        validate.main()

    told = capsys.readouterr().out
    assert told.count(": ok\n") == len(EXPERIMENTS)
    assert told.count("the configuration has 2 problems:\n") == 1
    assert "  conf/experiment/bad.yaml:2: training.epochs: expected a number of at least 1" in told


@pytest.mark.parametrize("env", ["qaa", "prodd"])
def test_unknown_environment_fails(monkeypatch: pytest.MonkeyPatch, env: str) -> None:
    """A name that no file has is a failure, not an empty success."""
    monkeypatch.setenv("ENV", env)

    with pytest.raises(ConfigError, match=f"{len(EXPERIMENTS)} of {len(EXPERIMENTS)} config"):
        validate.main()


@pytest.mark.parametrize(
    ("words", "warned"),
    [
        ("model.pretrained=bert-base-uncased", True),
        ("model.pretrained=a/b", True),
        ("model.pretrained=a/b model.revision=abc", False),
        ("model.pretrained=conf", False),
        ("model.pretrained=./model", False),
        ("model.pretrained=s3://bucket/model", False),
        ("training.epochs=3", False),
    ],
)
def test_unpinned_hub_model_is_a_warning(words: str, warned: bool) -> None:
    """A hub model without revision is allowed and told; anything else is not on the hub."""
    found = validate.check("default", "dev", words)

    assert not any(one.wrong for one in found)
    assert warned == any("model.pretrained:" in one.text for one in found)


def test_an_experiment_that_nothing_reads_is_an_error(
    conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lies where the first workflow guide kept them; whoever names it learns of it once."""
    folder = conf.with_name("configs")
    folder.mkdir()
    (folder / "mine.yaml").write_text("training:\n  epochs: 2\n")

    for exp in ("", "mine", "configs/mine.yaml"):
        monkeypatch.setenv("EXP", exp)
        with pytest.raises(ConfigError, match=r"`mv configs/mine\.yaml conf/experiment/mine"):
            validate.main()


ROWS = "text,label\n" + "".join(f"film {n} was seen,{('neg', 'pos')[n % 2]}\n" for n in range(400))
TEST = "\nevaluate:\n  behaviour:\n    - name: x\n      cases: [{text: a film, label: positive}]\n"


@pytest.mark.parametrize(
    ("data", "rest", "said"),
    [
        ("{train_path: rows.csv}", "", "mine (dev, prod, qa): ok"),
        ("{train_path: row.csv}", "", "row.csv does not exist (did you mean 'rows.csv'?)"),
        ("{train_path: rows.csv, text_column: txt}", "", "no column 'txt' (did you mean 'text'?)"),
        ("{train_path: rows.csv, labels: [neg, poss]}", "", "a label that data.labels does not"),
        ("{train_path: rows.csv}", TEST, "mine.yaml:3: evaluate.behaviour: 'x' names the label"),
        ("{train_path: few.csv}", "", "rows left, prepare.min_rows requires 20: give more data or"),
        ("{train_path: /no/rows.csv}", "", "/no/rows.csv does not exist on this machine"),
        ("{train_path: 's3://b/rows.csv'}", "", "s3://b/rows.csv was not looked at; make smoke"),
        ("{train_path: away.csv}", "", "away.csv is not here; make pull, or dvc pull away.csv.dvc"),
    ],
)
def test_the_data_are_looked_at(
    data: str, rest: str, said: str, conf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each thing that is to say, and not for each environment."""
    Path("rows.csv").write_text(ROWS)
    Path("few.csv").write_text(ROWS[: ROWS.index("film 30 ")])
    Path("away.csv.dvc").touch()
    (conf / "experiment/mine.yaml").write_text(f"data: {data}{rest}\n")
    sys.argv.append("mine")

    with suppress(ConfigError):
        validate.main()

    told = capsys.readouterr().out.splitlines()
    assert [line for line in told if said in line and "(dev, prod, qa)" in line]
    assert len(told) == 1 + ("warning" in told[-1])


def test_of_long_data_only_the_beginning_is_looked_at(
    conf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Classes and sizes are then no fault: the rest may hold what lacks."""
    monkeypatch.setattr(look, "ROWS", 50)
    Path("rows.csv").write_text(ROWS.replace("pos", "neg", 150))
    (conf / "experiment/mine.yaml").write_text("data: {train_path: rows.csv}\n")
    sys.argv.append("mine")

    validate.main()

    assert "of rows.csv only the first" in capsys.readouterr().out
