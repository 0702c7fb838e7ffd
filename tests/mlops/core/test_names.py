"""Rules of names and the nearest one."""

import shutil
from pathlib import Path

import pytest

from common import ROOT
from mlops.core.errors import ConfigError
from mlops.core.names import asked_experiment, check, nearest, options, strays


@pytest.fixture(name="conf", autouse=True)
def _conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of conf/ in the current folder."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(ROOT / "conf", "conf"))


@pytest.mark.parametrize(
    ("name", "meant"),
    [("qaa", "qa"), ("QA", "qa"), ("production", "prod"), ("develop", "dev"), ("zzz", None)],
)
def test_nearest_finds_slips_and_long_forms(name: str, meant: str | None) -> None:
    """A misspelt, capital or longer name leads to the known one; an unlike name to none."""
    assert meant == nearest(name, ["dev", "qa", "prod"])


def test_options_include_subfolders(conf: Path) -> None:
    """An experiment may lie in a folder of its own."""
    (conf / "experiment/nlp").mkdir()
    (conf / "experiment/nlp/x.yaml").touch()

    assert "nlp/x" in options("experiment")


@pytest.mark.parametrize(
    ("group", "name", "message"),
    [
        ("env", "qaa", "ENV: unknown environment 'qaa'; did you mean 'qa'. .*dev, prod, qa"),
        ("model", "brt", "unknown model 'brt'; did you mean 'bert'. .*bert, custom, .*gpt, .*tiny"),
        ("experiment", "default.yaml", "unknown experiment .* did you mean 'default'"),
        ("experiment", "../env/dev", r"unknown experiment '\.\./env/dev'"),
    ],
)
def test_unknown_name_is_told_with_the_nearest_and_the_list(
    group: str, name: str, message: str
) -> None:
    """A name that no file has is refused; the message offers the nearest and all others."""
    with pytest.raises(ConfigError, match=message):
        check(group, name, "ENV")


def test_wrong_ending_is_told(conf: Path) -> None:
    """Hydra sees only .yaml: a .yml file is found out."""
    (conf / "experiment/x.yml").touch()

    with pytest.raises(ConfigError, match=r"x\.yml must be named x\.yaml"):
        check("experiment", "x", "EXP")


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("", ""),
        ("default", "default"),
        ("default.yaml", "default"),
        ("conf/experiment/default.yaml", "default"),
        ("./conf//experiment/default.yaml", "default"),
        ("configs/default.yaml", "default"),  # a link
        ("conf/experiment/not-there.yaml", "not-there"),
        ("conf/env/dev.yaml", "conf/env/dev.yaml"),
        ("configs/mine.yaml", "configs/mine.yaml"),
    ],
)
def test_exp_takes_a_name_or_a_path(
    asked: str, name: str, conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the file itself or of a link to it, relative or absolute."""
    old(conf)
    monkeypatch.setenv("EXP", asked)

    assert asked_experiment() == name
    if name == "default":
        assert asked_experiment(str(Path(asked).absolute())) in (name, str(Path(asked).absolute()))


def old(conf: Path) -> None:
    """Make the folder of the first guide: a link, an experiment, and something else."""
    folder = conf.with_name("configs")
    folder.mkdir()
    (folder / "default.yaml").symlink_to("../conf/experiment/default.yaml")
    (folder / "mine.yaml").write_text("training:\n  epochs: 2\n")
    (folder / "logging.yaml").write_text("handlers: {}\ntraining: {}\n")
    (folder / "empty.yaml").touch()


@pytest.mark.parametrize("asked", ["mine", "configs/mine.yaml", "./configs/mine.yaml"])
def test_an_experiment_in_the_old_folder_is_found_and_sent_on(asked: str, conf: Path) -> None:
    """By the line to type; unless that would overwrite another one."""
    old(conf)

    with pytest.raises(ConfigError, match=r"`mv configs/mine\.yaml conf/experiment/mine\.yaml`"):
        check("experiment", asked, "EXP")
    (conf / "experiment" / "mine.yaml").touch()
    if asked != "mine":
        with pytest.raises(ConfigError, match=r"has mine\.yaml already\. Put the change into"):
            check("experiment", asked, "EXP")


def test_only_experiments_are_strays(conf: Path) -> None:
    """A link is none, nor what has keys that no experiment has."""
    assert strays() == []
    old(conf)

    assert strays() == [Path("configs/mine.yaml")]
