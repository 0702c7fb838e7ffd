"""The program `ml`: its commands, options and completion, and the card of the Makefile."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from commands_page import page, word_of, words_of_make
from common import ROOT
from mlops.cli import main
from mlops.cli.commands import COMMANDS, GROUPS, VARIABLES

ML = Path(sys.executable).with_name("ml")
MAKEFILE = (ROOT / "Makefile").read_text()


def ml(*words: str, folder: Path = ROOT, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Type a command."""
    return subprocess.run(
        [str(ML), *words], cwd=folder, env={**os.environ, "COLUMNS": "100", **variables},
        text=True, capture_output=True, check=False,
    )  # fmt: skip


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    """A folder with a module that prints what it was started with."""
    (tmp_path / "dvc.yaml").touch()
    return tmp_path


@pytest.fixture(name="seen")
def _seen(monkeypatch: pytest.MonkeyPatch, project: Path) -> dict[str, str]:
    """What a command's module finds in its environment."""
    seen: dict[str, str] = {}

    class Module:
        @staticmethod
        def main() -> None:
            seen.update(os.environ, argv=" ".join(sys.argv[1:]))

    monkeypatch.chdir(project)
    for name in VARIABLES:
        monkeypatch.setenv(name, "")  # so that what is set is taken back
    for name in ("PATH", "PYTHONPATH"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.setattr(sys, "argv", ["ml"])
    monkeypatch.setattr("importlib.import_module", lambda name: Module)
    return seen


def test_an_option_sets_the_variable_of_its_name(seen: dict[str, str]) -> None:
    """A text of shell signs arrives byte for byte."""
    why = 'costs $9 `id` "$(id)" #1'
    done = CliRunner().invoke(main.program(), ["release", "deploy", "--env", "qa", "--why", why])

    assert done.exit_code == 0, done.output
    assert (seen["ENV"], seen["WHY"]) == ("qa", why)


def test_values_of_the_configuration_are_quoted_apart(seen: dict[str, str]) -> None:
    """A value with a blank stays one value of SET."""
    words = ["train", "--set", "data.text_column=the text", "--set", "training.epochs=1"]
    CliRunner().invoke(main.program(), words)

    assert seen["SET"] == "'data.text_column=the text' training.epochs=1"


@pytest.mark.parametrize(
    ("words", "variable", "value"),
    [
        (["train", "--share"], "SHARE", "1"),
        (["train", "--share=pull"], "SHARE", "pull"),
        (["train", "--refresh"], "REFRESH", "1"),
        (["train"], "SHARE", ""),
        (["predict", "I paid $9"], "TEXT", "I paid $9"),
        (["data", "push"], "argv", "push"),
    ],
)
def test_a_flag_and_an_argument(
    words: list[str], variable: str, value: str, seen: dict[str, str]
) -> None:
    """What is not given leaves the variable as the environment has it."""
    done = CliRunner().invoke(main.program(), words)

    assert done.exit_code == 0, done.output
    assert seen[variable] == value


def test_programs_that_a_command_starts_are_those_of_its_environment(
    seen: dict[str, str], project: Path
) -> None:
    """DVC starts `python -m ml.train`: the locked Python, with the code of this folder."""
    CliRunner().invoke(main.program(), ["train"])

    assert seen["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    assert seen["PYTHONPATH"] == str(project / "src")


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["deploy"], "`ml release deploy`"),
        (["trian"], "`ml train`"),
        (["relase", "gate"], "`ml release`"),
        (["data", "psuh"], "`ml data push`"),
    ],
)
def test_an_unknown_command_names_the_nearest(words: list[str], meant: str) -> None:
    """Wherever it is; nothing runs."""
    done = ml(*words)

    assert done.returncode == 2
    assert f"Did you mean {meant}?" in done.stderr


def test_outside_a_project_it_says_where_one_is(tmp_path: Path) -> None:
    """The environment knows the folder that it was made in."""
    done = ml("validate", folder=tmp_path)

    assert done.returncode == 1
    assert (
        done.stderr == f"error: no project in {tmp_path} (dvc.yaml is missing); first: cd {ROOT}\n"
    )


def test_in_another_project_it_does_not_run_this_one(tmp_path: Path) -> None:
    """Its own code would not be what runs."""
    (tmp_path / "dvc.yaml").touch()
    shutil.copytree(ROOT / "src" / "mlops" / "core", tmp_path / "src" / "mlops" / "core")
    (tmp_path / "src" / "mlops" / "__init__.py").touch()
    done = ml("validate", folder=tmp_path, PYTHONPATH="")

    assert done.returncode == 1
    assert done.stderr.startswith("error: this environment belongs to")


def test_completion_knows_the_experiments() -> None:
    """As bash asks for it."""
    done = ml(_ML_COMPLETE="bash_complete", COMP_WORDS="ml train --exp ", COMP_CWORD="3")

    assert "plain,default" in done.stdout.split()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(shell: str) -> None:
    """It calls the program by its name."""
    done = ml("completion", shell)

    assert done.returncode == 0, done.stderr
    assert "_ML_COMPLETE" in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_a_module_names_what_its_command_takes(name: str) -> None:
    """Each variable of the command is one that the module, or what it hands over to, reads."""
    path = (ROOT / "src").joinpath(*COMMANDS[name].module.split(".")).with_suffix(".py")
    said = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""

    assert [
        one for one in COMMANDS[name].variables.split() if not re.search(rf"\b{one}\b", said)
    ] == []


@pytest.mark.parametrize("name", ["", *GROUPS, *COMMANDS])
def test_each_has_its_help(name: str) -> None:
    """With its options, and none that is not said."""
    done = CliRunner().invoke(main.program(), [*name.split(), "--help"], terminal_width=100)
    options = COMMANDS[name].variables.split() if name in COMMANDS else []

    assert done.exit_code == 0
    for one in options:
        assert (
            one if VARIABLES[one].kind == "argument" else f"--{one.lower().replace('_', '-')}"
        ) in done.output


@pytest.mark.parametrize("name", COMMANDS)
def test_the_card_says_the_same(name: str) -> None:
    """A command of `ml` is a word of make, which says the same of it where it is on the card."""
    word = word_of(name)
    help_ = re.search(rf"^{word}:.*?##(.*)$", MAKEFILE, re.M)

    assert help_ is None or help_[1].strip() == COMMANDS[name].help


def test_a_word_of_make_that_runs_the_machinery_is_a_command() -> None:
    """None is known to the Makefile alone, but for the work on the code."""
    own = {"help", "install", "format", "check", "test", "coverage", "lock", "clean", "check-ci"}

    assert set(words_of_make("Makefile")) - own == {word_of(name) for name in COMMANDS}


def test_the_page_of_the_commands_is_true() -> None:
    """`make draw` writes it."""
    assert (ROOT / "docs" / "commands.md").read_text("utf-8") == page()


def test_every_variable_is_taken() -> None:
    """None is left of a command that is gone."""
    taken = {one for command in COMMANDS.values() for one in command.variables.split()}

    assert taken == set(VARIABLES)
    assert isinstance(main.program(), click.Group)
