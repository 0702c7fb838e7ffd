"""Rules of names and the nearest one."""

import shutil
from pathlib import Path

import pytest

from common import ROOT
from mlops.core.errors import ConfigError
from mlops.core.names import check, nearest, options


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
