"""Rules of mlops.core.terminal."""

import io
import logging

import pytest

from mlops.core import terminal


class Screen(io.StringIO):
    """A stream that a person looks at."""

    def isatty(self) -> bool:
        """It is a terminal."""
        return True


@pytest.mark.parametrize(
    ("variables", "screen", "coloured"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, True, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "0"}, False, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
    ],
    ids=str,
)
def test_colour_is_for_terminals(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], screen: bool, coloured: bool
) -> None:
    """NO_COLOR and FORCE_COLOR decide before that, as no-color.org and force-color.org say."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    stream = Screen() if screen else io.StringIO()

    assert terminal.paint("ok", "green", stream) == ("\033[32mok\033[0m" if coloured else "ok")


def test_a_verdict_is_green_or_red(monkeypatch: pytest.MonkeyPatch) -> None:
    """The word alone; the table keeps its columns."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)

    assert terminal.mark("ok    Git  2.39") == "\033[32mok\033[0m    Git  2.39"
    assert terminal.mark("NO    disk").startswith("\033[31mNO\033[0m ")
    assert terminal.mark("notebook") == "notebook"


def test_a_log_has_a_line_for_each_tenth(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """None before some seconds have passed, none at the end, no more than nine in all."""
    caplog.set_level(logging.INFO, "mlops")
    given = range(1000)
    assert list(terminal.follow(given, lambda _: 1, 1000, "counting")) == list(given)
    assert not caplog.messages

    monkeypatch.setattr(terminal, "SECONDS", 0)
    found = list(terminal.slices(1000, 30, "counting"))

    assert sum(one.stop - one.start for one in found) == 1000
    assert len(caplog.messages) == 9
    assert caplog.messages[0].startswith("counting: 120 of 1,000 (12 %), ")


def test_what_resumes_begins_its_tenths_there(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And a loop whose length nobody knows says how far it has come."""
    caplog.set_level(logging.INFO, "mlops")
    monkeypatch.setattr(terminal, "SECONDS", 0)
    resumed = terminal.progress("training", 100, done=50)
    for step in range(51, 101):
        resumed.reach(step, "loss 0.1")
    list(terminal.follow(["abc"], len, 0, "rows"))

    assert [line.split(",")[0] for line in caplog.messages] == [
        *(f"training: {step} of 100 ({step} %)" for step in (60, 70, 80, 90)),
        "rows: 3 in 0 s",
    ]


def test_a_terminal_has_a_bar_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written meanwhile stays above it."""
    screen = Screen()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(terminal, "DELAY", 0)
    bar = terminal.progress("training", 10)
    bar.reach(5, "loss 0.1")
    terminal.write("epoch 1/2")
    bar.close()

    shown = screen.getvalue()
    assert "training  50% |" in shown.replace("\r", "\n")
    assert "\repoch 1/2\n" in shown
    assert shown.rpartition("\r")[2].strip() == ""
