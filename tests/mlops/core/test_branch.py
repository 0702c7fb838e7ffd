"""The branch decides the environment, in CI and nowhere else."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from common import ROOT
from mlops.core import branch
from mlops.core.errors import ConfigError
from mlops.core.names import options


def make(folder: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run make with nothing of the caller's that could decide."""
    plain = {
        name: value
        for name, value in os.environ.items()
        if name not in ("ENV", "EXP", "BRANCH") and not name.startswith(("MAKE", "MFLAGS"))
    }
    return subprocess.run(
        ["make", "-f", str(ROOT / "Makefile"), *words],
        cwd=folder, env={**plain, **variables}, text=True, capture_output=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("main", "prod"),
        ("qa", "qa"),
        ("dev", "dev"),
        ("feature/xlnet-classifier", "dev"),
        ("feature/main", "dev"),
        ("main2", "dev"),
        ("Main", "dev"),
        ("qa/hotfix", "dev"),
    ],
)
def test_a_branch_has_one_environment(name: str, expected: str) -> None:
    """Main is prod, qa is qa, anything else is dev: only the whole name counts."""
    assert branch.environment(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "refs/pull/12/merge",
        "12/merge",
        "refs/merge-requests/3/head",
        "",
        "HEAD",
        "refs/tags/v1",
        "refs/heads/main",
    ],
)
def test_what_is_no_branch_has_none(name: str) -> None:
    """A pull request, a tag or a detached commit acts on no environment."""
    with pytest.raises(ConfigError):
        branch.environment(name)


def test_every_environment_has_a_branch() -> None:
    """The mapping leads to each file of conf/env, and to nothing else."""
    assert {*branch.ENVIRONMENTS.values(), branch.OTHERWISE} == set(options("env"))


def test_the_guide_tells_the_same_mapping() -> None:
    """The table of docs/guide.md is the module's."""
    rows = re.findall(r"^\| (`.*?) \| `ENV=(\w+)`", (ROOT / "docs" / "guide.md").read_text(), re.M)
    told = {name: env for names, env in rows for name in re.findall(r"`([^`]+)`", names)}

    assert told
    assert {name: branch.environment(name) for name in told} == told


def test_make_tells_it_before_anything_is_installed() -> None:
    """`make env-of` starts no installation and prints the name alone."""
    done = make(ROOT, "env-of", "BRANCH=qa", "INSTALLED=nowhere/installed")

    assert (done.returncode, done.stdout) == (0, "qa\n")


def test_a_branch_is_a_name_and_no_program(tmp_path: Path) -> None:
    """Git lets anybody push a branch whose name the shell, or make, would run."""
    for name in (
        "x$(touch${IFS}pwned)",
        "x`touch pwned`",
        "$(shell touch pwned)",
        'x";touch pwned;"',
    ):
        done = make(ROOT, "env-of", BRANCH=name)

        assert (done.returncode, done.stdout) == (0, "dev\n")
    assert not (ROOT / "pwned").exists()


def test_the_branch_on_a_laptop_decides_nothing(tmp_path: Path) -> None:
    """With `main` checked out the environment is dev, until ENV says otherwise."""
    subprocess.run(["git", "init", "--quiet", "-b", "main", str(tmp_path)], check=True)
    (tmp_path / "tell.mk").write_text(f"include {ROOT}/Makefile\nprint-env:\n\t@echo $$ENV\n")
    told = [
        subprocess.run(
            ["make", "-f", "tell.mk", "print-env"],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "GITHUB_REF_NAME": "main", **variables},
            text=True, capture_output=True, check=True,
        ).stdout.strip()
        for variables in ({}, {"ENV": "qa"})
    ]  # fmt: skip

    assert told == ["dev", "qa"]
