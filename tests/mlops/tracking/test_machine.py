"""Rules of mlops.tracking.machine."""

import hashlib
import platform
from pathlib import Path

import pytest
import torch

from common import ROOT
from mlops.tracking import machine


def test_packages_are_those_that_were_installed(tmp_path: Path) -> None:
    """Not those that the lock files name by now."""
    (tmp_path / "installed-cuda").write_text("a1b2\n")
    (tmp_path / "pyvenv.cfg").write_text("home = /usr\nversion_info = 3.12.4\n")

    assert machine.read_packages(tmp_path) == {
        "packages.sha256": "a1b2",
        "packages.accelerator": "cuda",
        "packages.python": "3.12.4",
    }


def test_make_install_leaves_the_hash_of_the_locks() -> None:
    """The environment of these tests was made so."""
    locks = [ROOT / "requirements" / f"{name}.lock" for name in ("common", "torch-cpu")]
    whole = hashlib.sha256(b"".join(path.read_bytes() for path in locks)).hexdigest()

    assert machine.read_packages()["packages.sha256"] == whole
    assert machine.read_packages()["packages.python"] == platform.python_version()


def test_an_older_installation_is_unknown(tmp_path: Path) -> None:
    """It left an empty file."""
    (tmp_path / "installed-cpu").touch()

    assert "packages.sha256" not in machine.read_packages(tmp_path)


def test_the_hardware_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """What decides the last digits: processor and GPUs, these as the run may use them."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda n: f"GPU {n}")
    found = machine.read_hardware()

    assert found["hardware.gpu"] == "GPU 0, GPU 1"
    assert found["hardware.cpu"]
    assert float(found["hardware.memory_gb"]) > 0
