"""A thread that sends what is recorded, so that nobody waits for MLflow. Knows no MLflow."""

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
        self._new_entries = threading.Event()
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
        self._new_entries.set()
        while self._thread.is_alive() and (
            self.failure is None or time.monotonic() < self._deadline
        ):
            self._thread.join(0.1)

    def notify(self) -> None:
        """Wake the thread: the journal has new entries."""
        self._new_entries.set()

    def _work(self) -> None:
        delay = 0.0
        while not self._closing.is_set():
            self._new_entries.wait()
            self._new_entries.clear()
            if self._closing.is_set():
                break
            delay = 0 if self._try() else min(max(1, 2 * delay), LONGEST)
            self._closing.wait(delay)  # a server that fails is not asked for each point
            if self.failure:
                self._new_entries.set()
        while not self._try() and not self._refused() and time.monotonic() < self._deadline:
            time.sleep(0.5)

    def _refused(self) -> bool:
        return self.failure is not None and self._final(self.failure)

    def _try(self) -> bool:
        if self._refused():
            return False
        try:
            self._deliver()
        except Exception as error:  # the training continues, the journal keeps the entries
            if self.failure is None:
                log.warning("MLflow does not take new entries: they are kept and sent later")
            self.failure = error
            return False
        if self.failure:
            log.info("MLflow takes entries again: all that were kept are sent")
        self.failure = None
        return True
