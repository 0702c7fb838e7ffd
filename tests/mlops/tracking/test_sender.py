"""Rules of mlops.tracking.sender."""

import threading

import pytest

from mlflow_server import until
from mlops.tracking import sender
from mlops.tracking.sender import Sender


class Store:
    """Something to deliver to, that fails as it is told."""

    def __init__(self) -> None:
        self.tries = 0
        self.error: Exception | None = None
        self.block = threading.Event()
        self.block.set()

    def deliver(self) -> None:
        """Take what is there, or fail."""
        self.tries += 1
        self.block.wait(30)
        if self.error:
            raise self.error


@pytest.fixture(name="store")
def _store(monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(sender, "LAST", 0.2)
    return Store()


def test_the_last_of_it_is_sent_at_the_end(store: Store) -> None:
    """Also if nobody said that there is news."""
    with Sender(store.deliver, lambda _: False):
        pass

    assert store.tries == 1


def test_who_tells_something_does_not_wait_for_the_server(store: Store) -> None:
    """A server that hangs holds up its own thread alone."""
    store.block.clear()
    with Sender(store.deliver, lambda _: False) as sending:
        for _ in range(100):
            sending.notify()
        assert store.tries <= 1
        store.block.set()


def test_a_server_that_comes_back_gets_all_of_it(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """The outage and its end are reported once each."""
    caplog.set_level("INFO")
    store.error = ConnectionError("refused")
    with Sender(store.deliver, lambda _: False) as sending:
        sending.notify()
        until(lambda: sending.failure)
        store.error = None
        until(lambda: not sending.failure)

    assert [record.message.split(":")[0] for record in caplog.records] == [
        "MLflow does not take new entries",
        "MLflow takes entries again",
    ]


def test_a_server_that_stays_away_is_given_up(store: Store) -> None:
    """The end of the run comes, and knows why."""
    store.error = ConnectionError("refused")
    with Sender(store.deliver, lambda _: False) as sending:
        sending.notify()

    assert str(sending.failure) == "refused"


def test_what_is_refused_for_good_is_not_sent_again(store: Store) -> None:
    """A run that was deleted is not asked for every second."""
    store.error = ValueError("no such run")
    with Sender(store.deliver, lambda error: isinstance(error, ValueError)) as sending:
        sending.notify()
        until(lambda: sending.failure)

    assert store.tries == 1
