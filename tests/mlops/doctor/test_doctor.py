"""`make doctor` as a whole: before anything is installed, and with an environment."""

import os
import subprocess
from pathlib import Path

import pytest

import clones
from common import ROOT


def doctor(folder: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run it on the Python of the machine, in a home without accounts."""
    plain = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MAKE", "AWS", "PYTHON")) and name != "VIRTUAL_ENV"
    }
    return subprocess.run(
        ["make", "doctor", *words], cwd=folder, text=True, capture_output=True, check=False,
        env={**plain, **clones.WHO, "HOME": str(folder), **variables},
    )  # fmt: skip


@pytest.fixture(name="clone")
def _clone(tmp_path: Path) -> Path:
    """A clone in which nothing is installed."""
    return clones.clone(tmp_path / "project")


def test_it_runs_before_anything_is_installed(clone: Path) -> None:
    """It installs nothing, and finds nothing that is in the way."""
    done = doctor(clone)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "note  environment    not installed\n" in done.stdout
    assert "-> the first command does it, or make install\n" in done.stdout
    assert not (clone / ".venv").exists()


def test_it_finds_a_broken_environment(clone: Path) -> None:
    """Whose Python is the first on the PATH otherwise: the doctor takes another one."""
    programs = clone / ".venv" / "bin"
    programs.mkdir(parents=True)
    (clone / ".venv" / "installed-cpu").touch()
    for name in ("python", "python3"):
        (programs / name).symlink_to("/bin/false")
    done = doctor(clone)

    assert done.returncode == 2
    assert "NO    environment    does not work: no word\n" in done.stdout
    assert "-> rm -r .venv && make install\n" in done.stdout
    assert "error: 1 check failed (environment)" in done.stderr


def test_with_an_environment_it_looks_at_what_is_asked_for(clone: Path) -> None:
    """ENV, EXP and SET are composed; what misses there is found."""
    clones.lent(clone)
    done = doctor(clone, "SET=model.pretrained=a/b resources.gpu=64", HF_HUB_OFFLINE="1")

    assert "ok    configuration  tiny in dev\n" in done.stdout
    assert "resources.gpu asks for 64\n" in done.stdout
    assert "NO    hub            a/b has to be downloaded, but HF_HUB_OFFLINE" in done.stdout
    assert done.returncode == 2
    assert "did you mean 'default'" in doctor(clone, "EXP=defualt").stdout


def test_an_old_python_is_told_in_one_sentence(clone: Path) -> None:
    """The doctor's own code would not even load."""
    old = clone / "python3.8"
    old.write_text('#!/bin/sh\nexec python3 -c "import sys; sys.version_info = (3, 8); $2"\n')
    old.chmod(0o755)
    done = doctor(clone, f"PYTHON={old}")

    assert "error: Python 3.11 or later is needed" in done.stderr
    assert (done.returncode, done.stdout) == (2, "")


def test_the_standard_library_is_enough() -> None:
    """The doctor itself needs no package that has to be installed (-S: none is found)."""
    subprocess.run(
        ["python3", "-S", "-c", "import mlops.doctor.diagnose"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": "src"}, check=True,
    )  # fmt: skip
