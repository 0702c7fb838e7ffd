"""Rules of shell variables in conf/, for our composition and for DVC's."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.hydra import compose_and_dump
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from omegaconf.errors import InterpolationResolutionError

from common import ROOT
from hydra_plugins.shell_variables import rewrite, scalar, variable
from mlops.config.schema import Params
from mlops.core.errors import ConfigError
from mlops.pipeline.compose import compose, parse

VARIABLES = """\
data:
  train_path: ${DATA_PATH:-s3://a b/'c'}/train
  val_path: ${VAL_PATH:-}
training:
  batch_size: ${BATCH_SIZE:-32}  # Default 32
  learning_rate: ${LEARNING_RATE:-1e-3}
metadata:
  created_date: 2024-01-18
  description: '${TEXT:-a "b": c # d}'
"""


def composed(text: str) -> Any:
    """Return the value that Hydra gives for a value of a YAML file."""
    return OmegaConf.create({"key": rewrite(text)}).key


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("64", 64),
        ("-3", -3),
        ("1e-4", 1e-4),
        ("1e5", 1e5),
        (".5", 0.5),
        ("true", True),
        ("False", False),
        ("null", None),
        ("", None),
        ("'7'", "7"),
        ('"1e5"', "1e5"),
        ("'null'", "null"),
    ],
)
def test_a_variable_may_be_a_number(
    monkeypatch: pytest.MonkeyPatch, text: str, value: object
) -> None:
    """What is as a whole a number, a truth value or null; in quotes it stays text."""
    monkeypatch.setenv("NAME", text)

    assert value == composed("${NAME:-}")
    assert type(value) is type(scalar(text))
    assert composed(f"${{NOT_SET:-{text}}}") == value


TEXTS = (
    "007", "12:30:00", "1_000", "0x10", "01.5", "yes", "no", "~", ".inf", "nan", "1.2.3", "-", ".",
    "2024-01-18", "[1]", "[a, b]", "{a: b}", "a: b", "- a", "@", "*a", "&a b", "!a b", "!!int 7",
    "%a", "`a`", "| a", "> a", "? a", "a #b", "#a", "data/set #2/r.csv", "Issue #42 is lovely", "'",
    '"great" film', "'a' or 'b'", "it''s", "a\\tb", "\\", "$9", "${A}", "a,b", "a=b", " 7", "7 ",
    " a ", "a\nb", "\t", "ä\u2028b", "9" * 5000 + "x",
)  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_any_other_variable_is_a_text_as_it_stands(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """It is no YAML: not a comment, an anchor, a clock time; no character is lost."""
    monkeypatch.setenv("NAME", text)

    assert composed("${NAME}") == text


@pytest.mark.parametrize("text", ['"great"', "'a b'"])
def test_quotes_of_a_text_are_its_own(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """In a variable; in a file of YAML they stand around the default."""
    monkeypatch.setenv("NAME", text)

    assert composed("${NAME}") == text
    assert composed(f"${{NOT_SET:-{text}}}") == text[1:-1]
    assert composed("${NOT_SET:-${NAME}}") == text
    assert composed("${NOT_SET:-'${NAME}'}") == text


@pytest.mark.parametrize("text", [text for text in TEXTS if not set(text) & set("{}\n\\")])
def test_any_other_default_is_a_text_as_it_stands(text: str) -> None:
    """A default is read as the variable would be."""
    assert composed(f"${{NOT_SET:-{text}}}") == text


def test_variable_within_a_text_stays_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside a longer text the characters count, not the number that they would be."""
    monkeypatch.setenv("NAME", "1.10")

    assert composed("v${NAME}") == "v1.10"


@given(st.text(st.characters(exclude_characters="{}\n\\", exclude_categories=["Cs"])))
def test_any_default_survives(default: str) -> None:
    """Whatever is written as default comes out, whatever OmegaConf's grammar thinks of it."""
    assert f"<{default}>" == composed(f"<${{NOT_SET:-{default}}}>")


@pytest.mark.parametrize("text", ["${A:-${B:-7}}", "${A:-${B}${C:-}}"])
def test_default_may_hold_variables(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """A default is itself read for variables."""
    if text.endswith("${C:-}}"):
        monkeypatch.setenv("B", "7")

    assert composed(text) == 7


@pytest.mark.parametrize("text", ["${data.train_path}", "${oc.env:HOME}", r"\${HOME}", "$HOME"])
def test_other_references_are_left_alone(text: str) -> None:
    """Only upper-case names in braces are the shell's."""
    assert text == rewrite(text)


def test_value_of_a_variable_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable cannot reach another one through its value."""
    monkeypatch.setenv("NAME", "${oc.env:HOME}")

    assert composed("${NAME}") == "${oc.env:HOME}"


@pytest.mark.parametrize(("value", "state"), [(None, "not set"), ("", "empty")])
def test_unset_variable_is_told(
    monkeypatch: pytest.MonkeyPatch, value: str | None, state: str
) -> None:
    """A variable without value and without default is an error that says how to set it."""
    if value is not None:
        monkeypatch.setenv("NAME", value)

    with pytest.raises(ConfigError, match=rf"NAME is {state}; set it \(NAME=.*\$\{{NAME:-value\}}"):
        variable("NAME")
    with pytest.raises(InterpolationResolutionError, match=f"NAME is {state}"):
        composed("${NAME}")


@pytest.fixture(name="conf")
def _conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of conf/ in the current folder, with an experiment that is full of variables."""
    monkeypatch.chdir(tmp_path)
    conf = Path(shutil.copytree(ROOT / "conf", tmp_path / "conf"))
    (conf / "experiment/variables.yaml").write_text(VARIABLES, encoding="utf-8")
    return conf


def by_dvc(conf: Path, *overrides: str) -> Params:
    """Compose as `dvc exp run` does."""
    words = list(overrides)
    compose_and_dump("dvc.yaml", str(conf), None, "config", str(ROOT / "src"), words)
    return parse(Path("dvc.yaml"))


def test_dvc_composes_the_same(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC's composition and ours give equal values, types included."""
    monkeypatch.setenv("BATCH_SIZE", "64")
    found = by_dvc(conf, "env=qa", "experiment@_global_=variables", "training.epochs=2")

    assert found == compose("qa", "variables", "training.epochs=2")
    assert (found.training.batch_size, found.data.train_path) == (64, "s3://a b/'c'/train")
    assert found.metadata.description == 'a "b": c # d'


@pytest.mark.parametrize("exp", ["xlnet-classifier", "bert-sentiment", "default"])
def test_dvc_obeys_env_and_exp(conf: Path, monkeypatch: pytest.MonkeyPatch, exp: str) -> None:
    """ENV and EXP choose for DVC too, even an experiment that chooses its model."""
    monkeypatch.setenv("ENV", "prod")
    monkeypatch.setenv("EXP", exp)

    assert compose("prod", exp) == by_dvc(conf)


def test_dvc_tells_file_and_line(conf: Path) -> None:
    """A mistake in a file is told by DVC in our words."""
    (conf / "experiment/variables.yaml").write_text("a: 1\na: 2\n", encoding="utf-8")

    with pytest.raises(ConfigError, match=r"conf/experiment/variables\.yaml:2: a: expected each"):
        by_dvc(conf, "experiment@_global_=variables")


@pytest.mark.parametrize("text", ["${DATA PATH}", "${DATA_PATH", "${}"])
def test_broken_reference_is_told_with_its_line(conf: Path, text: str) -> None:
    """A reference that cannot be read is refused with file and line."""
    (conf / "experiment/variables.yaml").write_text(f"data:\n  train_path: {text}\n", "utf-8")

    with pytest.raises(ConfigError, match=r"variables\.yaml:2: expected \$\{NAME\}, "):
        compose("dev", "variables")
