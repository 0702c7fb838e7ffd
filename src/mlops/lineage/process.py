"""Run programs whose whole family ends with this process: by Ctrl-C, by a kill, by an error."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

PATIENCE = 10  # seconds that an interrupted program has to end by itself


def run(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> int:
    """Run a program in the foreground; return its exit code."""
    process = subprocess.Popen(command, cwd=folder, env=variables, start_new_session=True)
    try:
        return process.wait()
    except BaseException:
        _end(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
        _end(process, signal.SIGKILL)
        process.wait()
        raise


def end_by_exit() -> None:
    """Make a polite kill an exit, so that temporary folders are removed."""
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, _leave)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _end(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
