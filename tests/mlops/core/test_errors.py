"""Rules of mlops.core.errors."""

import errno
import gc
import os
import re
import sqlite3
import subprocess
import sys
from functools import partial

import pytest

from mlops.core import terminal
from mlops.core.errors import SAID, DataError, as_typed, run


def test_a_known_error_ends_with_its_sentence_and_exit_code_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`sys.exit` with a text prints it to stderr and exits 1, without a traceback."""

    def main() -> None:
        raise DataError("expected rows, found none")

    with pytest.raises(SystemExit) as stopped:
        run(main)

    assert stopped.value.code == "error: expected rows, found none"


def test_a_stage_of_make_train_says_that_it_has_told_its_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By an exit code of its own: nothing has to be added to the sentence."""
    monkeypatch.setenv(terminal.STAGE, "train")

    def main() -> None:
        raise DataError("expected rows, found none")

    with pytest.raises(SystemExit) as stopped:
        run(main)

    assert stopped.value.code == SAID
    assert capsys.readouterr().err == "error: expected rows, found none\n"


@pytest.mark.parametrize(
    ("interrupt", "said"),
    [
        (KeyboardInterrupt(), "interrupted\n"),
        (KeyboardInterrupt("stopped at step 3"), "stopped at step 3\n"),
    ],
)
def test_an_interrupt_is_one_line(
    interrupt: KeyboardInterrupt, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the exit code that shells give."""

    def main() -> None:
        raise interrupt

    with pytest.raises(SystemExit) as stopped:
        run(main)

    assert stopped.value.code == 130
    assert capsys.readouterr().err == said


def test_an_interrupt_among_the_imports_says_nothing() -> None:
    """No traceback of whatever is just being loaded."""
    code = "import sys; sys.argv[0] = '-m'; import mlops, os; os.kill(os.getpid(), 2)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (-2, b"")


def test_an_unknown_error_is_not_hidden() -> None:
    """A mistake of ours crashes loudly."""

    def main() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(main)


@pytest.mark.parametrize(
    "full",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "model.safetensors"),
        OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
        sqlite3.OperationalError("database or disk is full"),
    ],
    ids=str,
)
def test_a_full_disk_is_told_whatever_it_led_to(full: Exception) -> None:
    """Libraries wrap it in errors of their own."""

    def main() -> None:
        try:
            raise full
        except (OSError, sqlite3.Error) as error:
            raise ValueError("cannot end the run") from error

    with pytest.raises(SystemExit) as stopped:
        run(main)

    assert str(stopped.value.code).startswith("error: the disk is full")


def test_an_error_that_leads_back_to_itself_ends() -> None:
    """Python lets an error be its own cause, or two each other's."""
    first, second = DataError("first"), DataError("second")
    first.__cause__, second.__cause__ = second, first

    def main() -> None:
        raise first

    with pytest.raises(SystemExit) as stopped:
        run(main)

    assert stopped.value.code == "error: first"


def test_a_stage_looks_for_garbage_while_it_runs() -> None:
    """Whatever its imports have left."""
    found: list[bool] = []
    gc.disable()

    run(lambda: found.append(gc.isenabled()))

    assert found == [True]


@pytest.mark.parametrize(("started", "looks"), [("-m", "False"), ("-c", "True")])
def test_a_stage_alone_looks_for_no_garbage_while_it_imports(started: str, looks: str) -> None:
    """Python calls a program "-m" until it has found it; a library's user is not touched."""
    code = f"import gc, sys; sys.argv[0] = {started!r}; import ml; print(gc.isenabled())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == [looks]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("run `make train`", "run `make train ENV=qa EXP=mine`"),
        ("make train SHARE=1; then", "make train ENV=qa EXP=mine SHARE=1; then"),
        ("`make gate ENV=prod`", "`make gate EXP=mine ENV=prod`"),
        ("`make rollback TO=2`, or", "`make rollback ENV=qa TO=2`, or"),
        ("make load-test installs it", "make load-test ENV=qa installs it"),
        ("make install", "make install"),
        ("make room", "make room"),
        ("make sign-off", "make sign-off"),
    ],
)
def test_a_command_in_a_message_acts_where_this_one_does(
    text: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Typed as printed it would act on dev and on the default experiment, over another's model."""
    assert as_typed(text) == text
    monkeypatch.setenv("ENV", "qa")
    monkeypatch.setenv("EXP", "mine")

    assert as_typed(text) == shown
    with pytest.raises(SystemExit, match=f"^error: {re.escape(shown)}$"):
        run(partial(fail, text))


def fail(text: str) -> None:
    """Raise a known error."""
    raise DataError(text)
