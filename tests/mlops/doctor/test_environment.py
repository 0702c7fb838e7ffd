"""What the doctor says of the installed environment and the configuration."""

import hashlib
import re
import shutil
from pathlib import Path

import pytest

from common import ROOT
from mlops.doctor import environment
from sickbed import told


@pytest.fixture(name="clone", autouse=True)
def _clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What of a project the doctor reads, without an environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    shutil.copytree(ROOT / "conf", "conf")
    shutil.copytree(ROOT / "requirements", "requirements")
    return tmp_path


def install(python: Path | str = ROOT / ".venv/bin/python", accelerator: str = "cpu") -> None:
    """Lend the clone a Python, as an installation of the present locks."""
    Path(".venv/bin").mkdir(parents=True)
    Path(".venv/bin/python").write_text(f'#!/bin/sh\nexec {python} "$@"\n')
    Path(".venv/bin/python").chmod(0o755)
    locks = [Path("requirements/common.lock"), Path(f"requirements/torch-{accelerator}.lock")]
    content = hashlib.sha256(b"".join(lock.read_bytes() for lock in locks)).hexdigest()
    Path(f".venv/installed-{accelerator}").write_text(f"{content}\n")


def test_a_missing_environment_is_a_note() -> None:
    """The next verb installs it."""
    found, usable = environment.environment("cpu")

    assert "note environment not installed -> the first command does it" in told(found)
    assert not usable


def test_an_environment_that_fits_is_fine() -> None:
    """It was installed from the present locks."""
    install()
    found, usable = environment.environment("cpu")

    assert told(found).startswith("ok environment cpu, as requirements/*.lock say; Python 3.1")
    assert usable


@pytest.mark.parametrize(
    "head", ["#!{}/.venv/bin/python\n", '#!/bin/sh\n\'\'\'exec\' "{}/.venv/bin/python" "$0" "$@"\n']
)
def test_an_environment_of_another_folder_is_told(clone: Path, head: str) -> None:
    """The folder was copied or renamed; its programs name the Python of where it was made."""
    install()
    program = Path(".venv/bin/dvc")
    program.write_text(head.format(clone))
    assert environment.environment("cpu")[1]
    program.write_text(head.format("/home/me/first one"))
    found, usable = environment.environment("cpu")

    assert "NO environment belongs to /home/me/first one: this folder was" in told(found)
    assert found.do == "rm -rf .venv && make install"
    assert not usable


def test_an_older_environment_is_told() -> None:
    """The locks have changed since."""
    install()
    with Path("requirements/common.lock").open("a") as lock:
        lock.write("# changed\n")
    found, usable = environment.environment("cpu")

    assert "note environment older than requirements/*.lock -> the next command" in told(found)
    assert usable


def test_an_environment_for_another_accelerator_is_told() -> None:
    """A verb would install anew."""
    install()

    assert "installed for ACCELERATOR=cpu, not cuda -> make install ACCELERATOR=cuda" in told(
        environment.environment("cuda")[0]
    )


@pytest.mark.parametrize(
    ("python", "why"),
    [
        ("/nowhere/python", "NO environment does not work: .*not found"),
        # -S: without the installed packages.
        (f"{ROOT}/.venv/bin/python -S", "NO environment does not work: ModuleNotFoundError"),
    ],
)
def test_a_broken_environment_is_told(python: str, why: str) -> None:
    """Its Python is gone, or packages are."""
    install(python)
    found, usable = environment.environment("cpu")

    assert found.do == "rm -r .venv && make install"
    assert re.match(why, told(found))
    assert not usable


def test_a_mistake_in_the_configuration_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the sentence of `make validate`."""
    install()
    monkeypatch.setenv("SET", "training.epoch=3")
    found, params = environment.configuration()

    assert "NO configuration SET: training.epoch: unknown key; did you mean" in told(found)
    assert params == {}
    monkeypatch.delenv("SET")
    found, params = environment.configuration()
    assert told(found) == "ok configuration tiny in dev"
    assert params["resources"]["gpu"] == 0


def test_the_version_of_a_package_is_found_without_python() -> None:
    """By the name of its folder."""
    Path(".venv/lib/python3.11/site-packages/mlflow-3.17.2.dist-info").mkdir(parents=True)

    assert environment.version("mlflow") == "3.17.2"
    assert environment.version("dvc") is None
