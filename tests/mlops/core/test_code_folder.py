"""The code that runs is that of the current folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from common import ROOT

SAYS = 'import sys; sys.stdout.write(f"{__file__}\\n")\n'


@pytest.fixture(name="original")
def _original(tmp_path: Path) -> Path:
    """A project whose code tells where it lies."""
    return project(tmp_path / "a b")


def project(folder: Path) -> Path:
    """Make a folder with code in it."""
    for package in ("ml", "mlops"):
        (folder / "src" / package).mkdir(parents=True)
        shutil.copy(ROOT / "src" / package / "__init__.py", folder / "src" / package)
    (folder / "src" / "ml" / "says.py").write_text(SAYS)
    (folder / "src" / "hydra_plugins").mkdir()
    return folder


def run(original: Path, folder: Path, *options: str, **variables: str) -> tuple[int, str]:
    """Run a module in a folder, in an environment that was made for the code of another."""
    site = f"import sys; sys.path.insert(1, {str(original / 'src')!r})\n"
    (original / "sitecustomize.py").write_text(site)
    done = subprocess.run(
        [sys.executable, *options, "-m", "ml.says"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(original), **variables},
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_a_project_runs_its_own_code(original: Path, tmp_path: Path) -> None:
    """Also when it is reached through a link, and outside of any project."""
    (tmp_path / "link").symlink_to(original)
    for folder in (original, tmp_path / "link", tmp_path):
        assert run(original, folder) == (0, f"{original}/src/ml/says.py\n")


def test_a_copy_does_not_run_the_code_of_its_original(original: Path, tmp_path: Path) -> None:
    """It is told whose environment this is, and what to do."""
    copy = Path(shutil.copytree(original, tmp_path / "copy"))

    code, told = run(original, copy)

    assert code == 1
    assert f"error: this environment belongs to {original} and would run its code" in told
    assert "rm -rf .venv && make install" in told
    assert run(original, copy, PYTHONPATH=str(copy / "src")) == (0, f"{copy}/src/ml/says.py\n")


def test_a_queued_experiment_runs_the_code_that_was_queued(original: Path) -> None:
    """DVC makes a copy of it below the project."""
    copy = project(original / ".dvc" / "tmp" / "exps" / "tmp1")

    assert run(original, copy) == (0, f"{copy}/src/ml/says.py\n")


def test_a_python_without_docstrings_is_refused(original: Path) -> None:
    """MLflow dies without them, a minute later, with a sentence about its server."""
    for told in (run(original, original, "-O"), run(original, original, PYTHONOPTIMIZE="2")):
        assert told[0] == 1
        assert told[1].startswith("error: PYTHONOPTIMIZE strips")
