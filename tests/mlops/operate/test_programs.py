"""Prometheus and Alertmanager as programs: which process is theirs."""

import json
import os
import sys
from pathlib import Path

import psutil
import pytest

from mlops.operate.monitoring.programs import Program


@pytest.fixture(name="program")
def _program(tmp_path: Path) -> Program:
    """One whose process is this one."""
    command = psutil.Process().cmdline()
    record = {"pid": os.getpid(), "command": command}
    (tmp_path / "prometheus.pid").write_text(json.dumps(record))
    return Program(command, tmp_path, "prometheus")


def test_a_program_is_found(program: Program) -> None:
    """By its process id and its command line."""
    found = program.find()

    assert found
    assert found.pid == os.getpid()


@pytest.mark.parametrize(("shown", "is_there"), [([], True), ([sys.executable, "other"], False)])
def test_another_program_is_not_taken_for_it(
    program: Program, monkeypatch: pytest.MonkeyPatch, shown: list[str], is_there: bool
) -> None:
    """One that has just begun has no command line yet, and is not said to have ended."""
    monkeypatch.setattr(psutil.Process, "cmdline", lambda _: shown)

    assert bool(program.find()) is is_there
