"""Names that others choose (branches, tags, files) reach CI's commands as data, on both hosts."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import workflows
from common import ROOT

ACTIONS = sorted((ROOT / ".github" / "actions").glob("*/action.yml"))
SCRIPTS = sorted((ROOT / ".gitlab").glob("*.sh"))
# Of these the file itself names all values.
MATRIX = ("VERB",)


def lines() -> list[Any]:
    """Return each line of shell that CI runs, with the file that has it."""
    found = [(path, line) for path in SCRIPTS for line in path.read_text().splitlines()]
    for path in (*workflows.GITHUB, *ACTIONS, workflows.GITLAB, workflows.INCLUDED):
        found += [(path, line) for text in shell(workflows.load(path)) for line in text.split("\n")]
    return [pytest.param(line, id=f"{path.stem}: {line}") for path, line in found if line.strip()]


def shell(node: Any) -> Iterator[str]:
    """Yield the values of `run`, `script`, `before_script` and `after_script`."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("run", "script", "before_script", "after_script"):
                yield from [value] if isinstance(value, str) else value
            else:
                yield from shell(value)
    if isinstance(node, list):
        for value in node:
            yield from shell(value)


def test_there_are_lines() -> None:
    """Else the rules below would say nothing."""
    assert len(lines()) > 60


@pytest.mark.parametrize("line", lines())
def test_no_name_becomes_shell(line: str) -> None:
    """GitHub puts `${{ }}` into the script before the shell reads it."""
    assert "${{" not in line


@pytest.mark.parametrize("line", lines())
def test_make_is_given_no_value_on_its_command_line(line: str) -> None:
    """A value comes by the environment; only a matrix, quoted, may name the verb."""
    called = re.search(r"(?<![\w-])make (.*)", line)
    plain = re.sub(rf'"\$\{{?({"|".join(MATRIX)})\}}?"', "", called[1] if called else "")

    assert "$" not in plain
    assert "`" not in plain


@pytest.mark.parametrize("line", lines())
def test_an_expansion_is_quoted(line: str) -> None:
    """Of an unquoted one the shell makes words and file names."""
    bare = re.sub(r'"(\\.|[^"\\])*"|\'[^\']*\'|(?<=\s)#.*|^\s*#.*', "", line)
    bare = re.sub(r"\b\w+=\$(\w+|\{\w+\}|\([^()]*\))", "", bare)  # an assignment splits nothing

    assert "$" not in bare


@pytest.mark.parametrize("line", lines())
def test_the_failure_of_a_verb_ends_the_job(line: str) -> None:
    """Inside of `echo`, or before `&&`, a `make` that fails would leave an empty value."""
    if "$(make" in line:
        assert re.fullmatch(r"\s*[A-Z]+=\$\(make [a-z-]+\)( #.*)?", line)


@pytest.mark.parametrize("verb", ["env-of", "exp-of"])
@pytest.mark.parametrize("host", ["github", "gitlab"])
def test_without_an_environment_or_an_experiment_nothing_runs(
    host: str, verb: str, tmp_path: Path
) -> None:
    """An experiment that is refused must not become the default one."""
    make = tmp_path / "make"
    make.write_text(f'#!/bin/sh\n[ "$1" != {verb} ] && echo name\n')
    make.chmod(0o755)
    script = ". .gitlab/prepare.sh"
    if host == "github":
        script = next(text for text in shell(workflows.load(ACTIONS[0])) if "exp-of" in text)
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", f"{script}\necho went on"],
        cwd=ROOT,
        env={
            "PATH": f"{tmp_path}:{os.environ['PATH']}", "BRANCH": "dev",
            "GITHUB_ENV": str(tmp_path / "variables"),
        },
        text=True, capture_output=True, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert "went on" not in done.stdout
