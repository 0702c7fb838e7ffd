"""`dvc repro` in this process: a line for each stage, and at most one for an error.

All that is private of DVC and used for it is here; with V=1 nothing of it is.

Reads: dvc.yaml, dvc.lock
Writes: what the stages write, dvc.lock
"""

import logging
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from dvc.cli import main as dvc
from dvc.exceptions import DvcException
from dvc.progress import Tqdm
from dvc.repo import Repo
from dvc.stage import run as dvc_run
from dvc.stage.exceptions import StageCmdFailedError
from dvc.stage.serialize import to_single_stage_lockfile
from tqdm import tqdm

from mlops.core import dvc_lock, terminal
from mlops.core.command import foreground
from mlops.core.errors import INTERRUPTED, SAID, KnownError, StorageError
from mlops.core.urls import plain

COMPOSE = ("compose", "python -m mlops.pipeline.compose")
LOGGERS = ("dvc", "dvc_data", "dvc_objects")
WIDTH = 9
BAR = 2.0  # seconds
# What takes seconds to load, the first time up to half a minute.
SLOW = re.compile(r"^(?:import|from) (torch|transformers|onnx)\b", re.M)


def reproduce(pull: bool, compose: "subprocess.Popen[str]") -> None:
    """Run the stages that have changed; the process ends where one fails or is interrupted."""
    pipeline = Pipeline(compose)
    try:
        with pipeline.listening():
            Repo().reproduce(pull=pull, repro_fn=pipeline.reproduce)
    except DvcException as error:
        raise explained(error) from error


def verbose(pull: bool) -> None:
    """Leave it all to DVC, and show all that it says."""
    if code := dvc(["repro", *(["--pull"] if pull else [])]):
        sys.exit(code)


class Pipeline(logging.Handler):
    """Runs stages as DVC does, and shows what becomes of each."""

    def __init__(self, compose: "subprocess.Popen[str]") -> None:
        super().__init__(logging.INFO)
        self.compose = compose
        self.ran = self.pulled = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take what DVC logs, and its place where a stage's command is started."""
        with ExitStack() as stack:
            for logger in map(logging.getLogger, LOGGERS):
                stack.enter_context(replaced(logger, "handlers", [self]))
                stack.enter_context(replaced(logger, "propagate", False))
            stack.enter_context(replaced(dvc_run, "_run", self.start))
            stack.enter_context(replaced(Tqdm, "display", display))
            yield

    def emit(self, record: logging.LogRecord) -> None:
        """Show warnings; of the rest a stage's line says what matters."""
        self.pulled |= record.msg == "Pulling data for %s"
        if record.levelno >= logging.WARNING:
            said = plain(" ".join(record.getMessage().split()))
            terminal.write(f"{terminal.paint('warning:', 'yellow')} {said}")

    def reproduce(self, stage: Any, **options: Any) -> Any:
        """Bring a stage up to date."""
        self.ran = self.pulled = False
        start = time.monotonic()
        done = stage.reproduce(**options)
        # The stage that always runs changes nothing as a rule: to write the lock takes 0.2 s.
        if done and not (stage.addressing == COMPOSE[0] and is_locked(stage)):
            stage.dump(update_pipeline=False)
        seconds = f"{time.monotonic() - start:.1f} s"
        if self.ran:
            show(stage.addressing, f"done in {seconds}", "green")
        elif done or self.pulled:
            where = "remote" if self.pulled else "cache"
            show(stage.addressing, f"restored from the {where} in {seconds}", "green")
        else:
            show(stage.addressing, "unchanged", "dim")
        return done

    def start(self, executable: Any, command: str, **options: Any) -> None:
        """Run the command of a stage in the foreground, in the place of DVC's own function."""
        self.ran, name = True, options["env"]["DVC_STAGE"]
        if (name, command) == COMPOSE:
            code = foreground(self.call)
        else:
            show(name, "running", "bold")
            if loads := slow(command):
                terminal.write(f"  loading {loads}")
            options["env"][terminal.STAGE] = name
            words = dvc_run._make_cmd(executable, command)
            code = foreground(lambda: subprocess.Popen(words, **options))
        if code:
            raise StageCmdFailedError(command, code)

    def call(self) -> "subprocess.Popen[str]":
        """Let the stage begin that waits."""
        assert self.compose.stdin
        self.compose.stdin.write("now\n")
        self.compose.stdin.close()
        return self.compose


@contextmanager
def replaced(owner: Any, name: str, by: Any) -> Iterator[None]:
    """Put a function of ours in the place of one of DVC's."""
    before = getattr(owner, name)
    setattr(owner, name, by)
    try:
        yield
    finally:
        setattr(owner, name, before)


def display(bar: Tqdm, *words: Any, **options: Any) -> Any:
    """Show a bar of DVC's that lasts; one that is over at once only flickers."""
    if time.time() - getattr(bar, "start_t", time.time()) >= BAR:
        return tqdm.display(bar, *words, **options)
    return None


def show(stage: str, what: str, colour: str) -> None:
    """Write the line of a stage."""
    terminal.write(f"{stage:{WIDTH}} {terminal.paint(what, colour)}")


def slow(command: str) -> str:
    """Return the libraries that a stage's module imports first and that take long to load."""
    path = Path("src", *command.removeprefix("python -m ").split(".")).with_suffix(".py")
    names = SLOW.findall(path.read_text(encoding="utf-8")) if path.is_file() else []
    return " and ".join(dict.fromkeys(names))


def is_locked(stage: Any) -> bool:
    """Return whether dvc.lock has a stage as it is now."""
    path = dvc_lock.LOCK
    known = dvc_lock.stages(path.read_text("utf-8") if path.exists() else "")
    return known.get(stage.addressing) == dict(to_single_stage_lockfile(stage))


def explained(error: Exception) -> BaseException:
    """Return what ends the process: a stage has had its say, what DVC says is passed on."""
    failed = error.__cause__
    stage = re.sub(r"^failed to reproduce '(.*)'$", r"\1", str(error))
    if isinstance(failed, StageCmdFailedError):
        return ended(stage, int(str(failed).rpartition(" ")[2]))
    causes, cause = [stage], failed
    while cause:
        causes.append(" ".join(str(cause).split()) or type(cause).__name__)
        cause = cause.__cause__
    return StorageError(f"{': '.join(causes)}; V=1 before the command shows all that DVC says")


def ended(stage: str, code: int) -> BaseException:
    """Return what ends the process after a stage has ended with an exit code."""
    if code in (SAID, INTERRUPTED):
        return SystemExit(1 if code == SAID else code)
    number = -code if code < 0 else code - 128  # as a shell reports a signal
    if number in (signal.SIGINT, signal.SIGTERM):
        return KeyboardInterrupt(f"{stage} was interrupted")
    if number == signal.SIGKILL:
        return KnownError(
            f"{stage} was killed, as the system does when memory is short; give it more, or lower "
            "training.batch_size or prepare.sample"
        )
    return KnownError(
        f"{stage} failed with exit code {code} (above); fix it and run the same command again"
    )
