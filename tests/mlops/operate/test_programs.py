"""Prometheus and Alertmanager as programs: which process is theirs."""

import json
import os
import subprocess
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


@pytest.mark.parametrize("shown", [[], [sys.executable, "other"]])
def test_another_program_is_not_taken_for_it(
    program: Program, monkeypatch: pytest.MonkeyPatch, shown: list[str]
) -> None:
    """Nor a thread of the kernel, which has no command line."""
    monkeypatch.setattr(psutil.Process, "cmdline", lambda _: shown)

    assert program.find() is None


def test_a_program_that_has_just_begun_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between exec and its first instruction it has no command line."""
    shown = psutil.Process.cmdline
    known: list[list[str]] = [[], []]
    monkeypatch.setattr(psutil.Process, "cmdline", lambda own: known.pop() if known else shown(own))
    program = Program([sys.executable, "-c", "input()"], tmp_path, "prometheus")
    reader, writer = os.pipe()
    monkeypatch.setattr(subprocess, "DEVNULL", reader)
    program.start()
    found = program.find()
    program.stop()
    os.close(reader)
    os.close(writer)

    assert found
    assert not found.is_running()
