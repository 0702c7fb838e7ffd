"""A thread that sends what a journal gets, so that nobody waits for MLflow. Knows no MLflow.

Reads, writes: through the function that it is given
"""

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType

log = logging.getLogger(__name__)

LAST = 10  # seconds that the end of a run waits for a server that fails
LONGEST = 30  # seconds between two tries


class Sender:
    """Calls `deliver` in the background, again and again while that fails."""

    def __init__(self, deliver: Callable[[], object], final: Callable[[Exception], bool]) -> None:
        self.failure: Exception | None = None
        self._deliver = deliver
        self._final = final
        self._news = threading.Event()
        self._closing = threading.Event()
        self._deadline = float("inf")
        self._thread = threading.Thread(target=self._work, name="sender", daemon=True)

    def __enter__(self) -> "Sender":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        """Send the last of it; a server that fails is waited for a bounded time."""
        self._deadline = time.monotonic() + LAST
        self._closing.set()
        self._news.set()
        while self._thread.is_alive() and (
            self.failure is None or time.monotonic() < self._deadline
        ):
            self._thread.join(0.1)

    def news(self) -> None:
        """Tell it that the journal has something new."""
        self._news.set()

    def _work(self) -> None:
        delay = 0.0
        while not self._closing.is_set():
            self._news.wait()
            self._news.clear()
            if self._closing.is_set():
                break
            delay = 0 if self._try() else min(max(1, 2 * delay), LONGEST)
            self._closing.wait(delay)  # a server that fails is not asked for each point
            if self.failure:
                self._news.set()
        while not self._try() and not self._refused() and time.monotonic() < self._deadline:
            time.sleep(0.5)

    def _refused(self) -> bool:
        return self.failure is not None and self._final(self.failure)

    def _try(self) -> bool:
        if self._refused():
            return False
        try:
            self._deliver()
        except Exception as error:  # whatever it is, the training goes on and the journal keeps it
            if self.failure is None:
                log.warning("MLflow does not take what the run tells: it is kept and sent later")
            self.failure = error
            return False
        if self.failure:
            log.info("MLflow takes it again: all that was kept is sent")
        self.failure = None
        return True
