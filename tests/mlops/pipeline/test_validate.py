"""Rules of `python -m mlops.pipeline.validate`."""

import shutil
import sys
from pathlib import Path

import pytest

from common import ROOT
from mlops.core.errors import ConfigError
from mlops.pipeline import validate

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

    lines = [f"{name} in {env}: ok" for name in EXPERIMENTS for env in ("dev", "prod", "qa")]
    assert lines == capsys.readouterr().out.splitlines()


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

    assert capsys.readouterr().out.splitlines() == ["default in qa: ok", "bert-sentiment in qa: ok"]


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
    good, text = validate.check("default", "dev", words)

    assert good
    assert warned == ("warning: model.pretrained:" in text)


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
