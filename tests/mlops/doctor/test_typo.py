"""A slip on make's command line ends it before anything runs, with the nearest right word."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from common import ROOT
from mlops.doctor.typo import complaint

KNOWN = ["train", "test", "ENV=", "EXP="]


def make(*words: str) -> "subprocess.CompletedProcess[str]":
    """Run make as typed, in the project."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", *words], cwd=ROOT, env=plain, text=True, capture_output=True, check=False
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["trian"], "error: unknown command `make trian`. Did you mean `make train`"),
        (["nonsense"], "error: unknown command `make nonsense`. `make` prints all commands"),
        (["env-of", "trian", "BRANCH=qa"], "error: unknown command `make trian`"),
        (["-n", "trian"], "error: unknown command `make trian`"),
        (["train", "EPX=mine"], "error: unknown variable EPX=... Did you mean EXP="),
        (["train", "exp=mine"], "error: unknown variable exp=... Did you mean EXP="),
        (["train", "ENVIRONMENT=qa"], "error: unknown variable ENVIRONMENT=... Did you mean ENV="),
        (["train", "ZZZ=1"], "error: unknown variable ZZZ=... Known are .*: `ZZZ=... make`"),
        (["install", "ACCELERATOR=gpu"], "ACCELERATOR should be cpu or cuda, found gpu"),
        (["tr'ian"], "error: unknown command `make tr'ian`"),
    ],
)
def test_a_slip_is_told_and_nothing_runs(words: list[str], told: str) -> None:
    """In a verb or a variable, also behind a right one and without running anything (-n)."""
    done = make(*words)

    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(told, done.stderr)


@pytest.mark.parametrize(
    "words",
    [
        ["AWS_PROFILE=team"],
        ["SET=a=1 b=2", "EXP=mine"],
        ["INSTALLED=nowhere/installed"],
    ],
)
def test_what_is_meant_passes(words: list[str]) -> None:
    """A program's variable, values with spaces, and what the Makefile sets itself."""
    done = make("env-of", "BRANCH=qa", *words)

    assert (done.returncode, done.stdout, done.stderr) == (0, "qa\n", "")


def test_files_can_still_be_made() -> None:
    """A target with a dot or a slash is a file: make itself tells that no rule makes it."""
    assert make("-n", ".venv/ci/installed").returncode == 0
    assert "No rule to make target" in make("-n", "nowhere/at.all").stderr


def test_a_variable_of_the_configuration_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a file of conf/ refers to may stand behind make."""
    monkeypatch.chdir(tmp_path)
    assert complaint("DEPTH=", KNOWN)
    Path("conf").mkdir()
    Path("conf/config.yaml").write_text("layers: ${DEPTH:-2}\n")

    assert complaint("DEPTH=", KNOWN) is None
