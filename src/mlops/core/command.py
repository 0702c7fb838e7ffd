"""Run other programs: those that deploy (podman, docker, kubectl), and stages."""

import signal
import subprocess
from collections.abc import Callable
from typing import Any

from mlops.core.errors import DeployError


def run(*words: str, given: str | None = None, hint: str, seconds: int | None = None) -> str:
    """Return what a command printed; raise DeployError with its last lines and a hint."""
    try:
        done = subprocess.run(
            words, input=given, text=True, capture_output=True, check=False, timeout=seconds
        )
    except FileNotFoundError:
        raise DeployError(f"{words[0]} is not on the PATH; install it") from None
    except subprocess.TimeoutExpired:
        raise DeployError(f"`{_shown(words)}` did not end within {seconds} s; {hint}") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
        raise DeployError(f"`{_shown(words)}` failed: {' '.join(lines[-3:])}; {hint}")
    return done.stdout.strip()


def _shown(words: tuple[str, ...]) -> str:
    return " ".join(words[:4])


def foreground(start: Callable[[], "subprocess.Popen[Any]"]) -> int:
    """Wait for a program to end; Ctrl+C, which it gets itself, and a polite kill are for it."""
    early: list[int] = []
    kill = signal.signal(signal.SIGTERM, lambda number, _frame: early.append(number))
    # Not SIG_IGN, which the program would inherit.
    interrupt = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    try:
        process = start()
        signal.signal(signal.SIGTERM, lambda number, _frame: process.send_signal(number))
        for number in early:
            process.send_signal(number)
        return process.wait()
    finally:
        signal.signal(signal.SIGINT, interrupt)
        signal.signal(signal.SIGTERM, kill)
