"""What the doctor says of Python, Git, make, disk, memory and GPU."""

import importlib.util
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mlops.doctor import environment, gpu, machine
from mlops.doctor.outside import Answer
from sickbed import programs, told

GIGABYTE = 2**30


def test_a_python_outside_of_the_range_is_told() -> None:
    """It matters while nothing is installed: the environment then has a Python of its own."""
    assert "NO Python 3.11 to 3.13 is needed" in told(machine.python((3, 10)))
    assert "-> name another one: make install PYTHON=python3.11" in told(machine.python((3, 14)))
    assert machine.python((3, 14), installed=True).state == "ok"
    assert machine.python((3, 12)).state == "ok"


def test_a_python_that_makes_no_environments_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Debian's without python3-venv; uv makes up for it."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "ensurepip" else find(name)
    )
    programs(tmp_path / "none", monkeypatch)
    assert "ensurepip and uv are missing -> install its package" in told(machine.python())
    programs(tmp_path / "uv", monkeypatch, uv="true")

    assert machine.python().state == "ok"


def test_a_missing_git_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC needs it."""
    programs(tmp_path / "bin", monkeypatch)

    assert told(machine.git()).startswith("NO Git not on the PATH -> install git")


def test_a_folder_without_repository_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a download of the archive."""
    monkeypatch.chdir(tmp_path)

    assert "NO Git this folder is no repository: fatal: not a git" in told(machine.git())


def test_a_git_that_does_not_know_who_commits_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A note: training works."""
    monkeypatch.chdir(tmp_path)
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run(["git", "config", "user.name", "T"], check=True)
    assert "user.email not set: nothing can be committed -> git config" in told(machine.git())
    subprocess.run(["git", "config", "user.email", "t@example.com"], check=True)

    assert machine.git().state == "ok"


def test_an_old_make_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As macOS has it, or none."""
    programs(tmp_path / "old", monkeypatch, make="echo GNU Make 3.81")
    assert "note make GNU make 3.81; before version 4, a recipe continues" in told(machine.make())
    programs(tmp_path / "none", monkeypatch)
    assert "note make no GNU make on the PATH" in told(machine.make())
    programs(tmp_path / "new", monkeypatch, make="echo GNU Make 4.4.1")

    assert machine.make().state == "ok"


def test_a_full_disk_is_told() -> None:
    """What is needed stops the work, little more is a note; an installation needs more."""
    assert "NO disk 0.5 GB free, 1 GB are needed -> free some space" in told(
        machine.disk(1, GIGABYTE // 2)
    )
    assert "note disk 3.0 GB free: little for data" in told(machine.disk(1, 3 * GIGABYTE))
    assert machine.disk(1, 30 * GIGABYTE).state == "ok"
    assert machine.disk(1).found.endswith("GB free")
    assert machine.installation("cuda") > machine.installation("cpu") > machine.WORK


def test_too_little_memory_is_told() -> None:
    """Training warns and goes on."""
    found = told(machine.memory(16, 8 * GIGABYTE))

    assert found.startswith("note memory 8.0 GB")
    assert "resources.memory_gb asks for 16 -> use a larger machine" in found
    assert machine.memory(0.001).state == "ok"


SMI = "echo 'NVIDIA H100, 570.10'"


@pytest.mark.parametrize(
    ("smi", "asked", "sentence"),
    [
        (None, ("cpu", {}), "ok GPU none, and none is needed"),
        (None, ("cuda", {}), "note GPU none (no nvidia-smi on the PATH) -> install the driver"),
        (
            None,
            ("cpu", {"gpu": 1, "missing": "fail"}),
            "NO GPU none (no nvidia-smi on the PATH); resources.gpu asks for 1 -> use a machine",
        ),
        (None, ("cpu", {"gpu": 1, "missing": "warn"}), "note GPU none (no nvidia-smi"),
        (
            "echo No devices were found; exit 6",
            ("cpu", {"gpu": 1, "missing": "fail"}),
            "NO GPU none (No devices were found); resources.gpu asks for 1",
        ),
        (SMI, ("cpu", {}), "note GPU 1 (NVIDIA H100, 570.10), which ACCELERATOR=cpu leaves idle"),
        (SMI, ("cuda", {"gpu": 2, "missing": "fail"}), "NO GPU 1 (NVIDIA H100, 570.10); resources"),
        (SMI, ("cuda", {"gpu": 1}), "ok GPU 1 (NVIDIA H100, 570.10)"),
    ],
)
def test_the_gpu_is_compared_with_what_is_asked_for(
    smi: str | None,
    asked: tuple[str, dict[str, Any]],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Missing ones stop the work only where resources.missing says so."""
    programs(tmp_path / "bin", monkeypatch, **({"nvidia_smi": smi} if smi else {}))

    assert told(gpu.gpu(*asked, usable=False)).startswith(sentence)


def test_a_gpu_that_torch_does_not_see_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with an old driver, or CUDA_VISIBLE_DEVICES."""
    programs(tmp_path / "bin", monkeypatch, nvidia_smi=SMI)
    monkeypatch.setattr(environment, "ask", lambda probe: Answer(True, "0"))

    assert "but torch sees none -> update the driver" in told(gpu.gpu("cuda", {}, usable=True))


@pytest.mark.parametrize(
    ("asked", "shown"), [(0, 'idle; SET="resources.gpu=1" trains on it'), (1, "trains")]
)
def test_apples_gpu_is_found(asked: int, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs no driver and no other installation, and is no reason for a wrong hope."""
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    found = gpu.gpu("cpu", {"gpu": asked}, usable=False)

    assert found.state == "ok"
    assert f"Apple's (mps), {shown}; its runs are not byte-reproducible" in told(found)
