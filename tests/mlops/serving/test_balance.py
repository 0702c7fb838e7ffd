"""Connections are spread over the workers of one server, by what each has to do."""

import os
import time
from pathlib import Path

import pytest

from mlops.serving.balance import CLOSE, Balance

SERVER = 7


@pytest.fixture(name="clock")
def _clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A second that passes when the test says so."""
    now = [100.0]
    monkeypatch.setattr("mlops.serving.balance.time.monotonic", lambda: now[0])
    return now


def closed(one: Balance, in_flight: int, clock: list[float], responses: int = 20) -> int:
    """Answer so many requests at once for a second; return how many connections were closed."""
    for _ in range(in_flight):
        one.__enter__()
    clock[0] += 1
    headers = [one.headers() for _ in range(responses)]
    for _ in range(in_flight):
        one.__exit__()
    return headers.count(CLOSE)


def other(folder: Path, in_flight: int, server: int = SERVER) -> Path:
    """A worker that is alive: the parent of this process."""
    path = folder / f"requests-{server}-{os.getppid()}"
    path.write_text(str(in_flight))
    return path


@pytest.mark.parametrize(
    ("mine", "others", "given_away"),
    [(20, 12, 4), (12, 20, 0), (17, 16, 0), (32, 0, 16), (1, 0, 0), (2, 0, 1)],
)
def test_half_of_the_difference_is_given_away(
    mine: int, others: int, given_away: int, tmp_path: Path, clock: list[float]
) -> None:
    """The worker with less keeps all that it has."""
    other(tmp_path, others)

    assert closed(Balance(tmp_path, SERVER), mine, clock) == given_away


def test_a_worker_that_was_never_asked_counts(tmp_path: Path, clock: list[float]) -> None:
    """It writes when it starts, or the one that got all connections would keep them."""
    Balance(tmp_path, SERVER)
    written = tmp_path / f"requests-{SERVER}-{os.getpid()}"
    written.rename(tmp_path / f"requests-{SERVER}-{os.getppid()}")

    assert closed(Balance(tmp_path, SERVER), 10, clock) == 5


def test_what_a_worker_wrote_long_ago_is_nothing(tmp_path: Path, clock: list[float]) -> None:
    """Nobody asks it any more."""
    then = time.time() - 60
    os.utime(other(tmp_path, 30), (then, then))

    assert closed(Balance(tmp_path, SERVER), 10, clock) == 5


@pytest.mark.parametrize("name", ["requests-7-999999999", "requests-8-1", "requests-7-"])
def test_who_is_gone_or_of_another_server_does_not_count(
    name: str, tmp_path: Path, clock: list[float]
) -> None:
    """Their files may be left."""
    (tmp_path / name).write_text("0")

    assert closed(Balance(tmp_path, SERVER), 10, clock) == 0


def test_alone_it_closes_nothing(clock: list[float]) -> None:
    """One worker has no folder."""
    assert closed(Balance(), 10, clock) == 0


def test_a_folder_that_is_gone_ends_no_request(tmp_path: Path, clock: list[float]) -> None:
    """The next server of the same home deletes it."""
    one = Balance(tmp_path / "gone", SERVER)

    assert closed(one, 10, clock) == 0
