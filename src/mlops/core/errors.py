"""The errors that a user can fix, and the one place where they become an exit code.

    KnownError
    ├── ConfigError    conf/, ENV, EXP or SET is wrong
    ├── DataError      a source or its rows are wrong
    ├── ModelError     a model cannot be built, loaded or trained
    ├── TrackingError  the MLflow store cannot be used
    ├── StorageError   the remote or the cache of DVC cannot be used
    ├── ServingError   the model cannot be packaged, served or asked
    ├── GateError      no model can be judged, or it is rejected
    ├── LineageError   a run cannot be built again, or comes out otherwise
    ├── DeployError    a model cannot be deployed, or what is live is unknown
    ├── OperateError   what is deployed cannot be watched or replaced gradually
    ├── HostError      GitHub cannot be reached or refuses
    ├── AuditError     a package or a file should not be released
    ├── TemplateError  a project cannot be made of the template, or updated
    └── PlatformError  the servers on this machine cannot be started

Each message says what was expected, what was found and what to do next.
"""

import gc
import logging
import os
import re
import shlex
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import NoReturn

from mlops.core import terminal
from mlops.core.urls import plain

INTERRUPTED = 130
SAID = 3  # how a stage tells `make train` that its error has been printed
# Commands that act on an environment, those that act on an experiment, and what follows them.
ACTS = re.compile(
    r"\b(make (?:deploy|lineage|load-test|package|pull|push|register|retention|rollback|serve|sign"
    r"|status|sync|ui|verify|(gate|smoke|train)))\b(?!-)((?: [A-Z]+=[^\s`,;]+)*)"
)


class KnownError(Exception):
    """Base of all errors that are one sentence, without a traceback or a credential."""

    def __init__(self, text: str) -> None:
        super().__init__(plain(text))


class ConfigError(KnownError):
    """The configuration is wrong."""


class DataError(KnownError):
    """A data source or its rows are wrong."""


class ModelError(KnownError):
    """A model cannot be built, loaded or trained."""


class TrackingError(KnownError):
    """The MLflow store cannot be used."""


class StorageError(KnownError):
    """The remote or the cache of DVC cannot be used."""


class ServingError(KnownError):
    """The model cannot be packaged, served or asked."""


class GateError(KnownError):
    """No model can be judged, or it is rejected."""


class LineageError(KnownError):
    """A run cannot be built again, or comes out otherwise."""


class DeployError(KnownError):
    """A model cannot be deployed, or what is live is unknown."""


class OperateError(KnownError):
    """What is deployed cannot be watched, or replaced gradually."""


class HostError(KnownError):
    """GitHub cannot be reached or refuses."""


class AuditError(KnownError):
    """A package or a file should not be released."""


class TemplateError(KnownError):
    """A project cannot be made of the template, or updated."""


class PlatformError(KnownError):
    """The servers on this machine cannot be started."""


def run(main: Callable[[], None], interrupted: str = "interrupted") -> None:
    """Run a stage's `main`; a known error ends the process with its sentence and exit code 1.

    Ctrl+C ends it with what the interrupt says, else with `interrupted`, and exit code 130.
    """
    _set_up()
    gc.freeze()  # what was imported
    gc.enable()
    try:
        main()
    except KeyboardInterrupt as stop:
        if said := str(stop) or interrupted:
            terminal.write(said)
        sys.exit(INTERRUPTED)
    except Exception as error:
        if _disk_is_full(error):
            _fail(
                f"the disk is full ({shutil.disk_usage('.').free // 2**20} MB free); make "
                "room and run the same command again: what was finished is kept"
            )
        if isinstance(error, KnownError):
            _fail(as_typed(str(error)))
        raise
    finally:
        gc.freeze()  # nor is it looked through at the exit


def _set_up() -> None:
    """Let a program log, crash and be interrupted as all of them do."""
    logging.basicConfig(handlers=[terminal.Handler()], level=logging.WARNING)
    for handler in logging.root.handlers:
        handler.setFormatter(_Plain("%(message)s"))
    sys.excepthook = _crash
    for name in ("ml", "mlops", "__main__"):  # `python -m ml.train` is the last one
        logging.getLogger(name).setLevel(logging.INFO)
    if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:  # while it was imported
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _fail(text: str) -> NoReturn:
    """End with an error's sentence."""
    line = f"{terminal.paint('error:', 'red')} {text}"
    if os.environ.get(terminal.STAGE):
        terminal.write(line)
        sys.exit(SAID)
    sys.exit(line)


def as_typed(text: str) -> str:
    """Return a message whose commands act on the ENV and EXP of this one, as they must."""
    given = {"ENV": os.environ.get("ENV") or "dev", "EXP": os.environ.get("EXP") or "default"}
    words = {
        name: f" {name}={shlex.quote(value)}"
        for name, value in given.items()
        if value not in ("dev", "default")
    }

    def complete(found: re.Match[str]) -> str:
        more = words.get("ENV", "") if " ENV=" not in found[0] else ""
        more += words.get("EXP", "") if found[2] and " EXP=" not in found[0] else ""
        return f"{found[1]}{more}{found[3]}"

    return ACTS.sub(complete, text)


class _Plain(logging.Formatter):
    """Leaves credentials out of what any library logs."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        text = plain(super().format(record))
        if text.startswith("warning:"):
            text = terminal.paint("warning:", "yellow") + text.removeprefix("warning:")
        return terminal.margin() + text


def _crash(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print the traceback of a mistake of ours, which may quote an address."""
    sys.stderr.write(plain("".join(traceback.format_exception(kind, error, trace))))


def _disk_is_full(error: BaseException | None) -> bool:
    """Tell whether this or what led to it was a write without room, whichever library made it."""
    seen: list[BaseException] = []  # an error may lead back to itself
    while error and error not in seen:
        seen.append(error)
        # SQLite and safetensors raise errors of their own, so only the words are common.
        if re.search("No space left on device|disk is full|Disk quota exceeded", str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False
