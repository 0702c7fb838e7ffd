"""The bounded queue of requests before the thread that predicts.

Who finds it full is told so at once, so that those in it are served in a time that does not grow
with the load. All of its state belongs to the event loop. The thread gets a batch and hands back
all its results together: to switch between threads costs Python as much as a small model.
"""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Protocol

# Answers requests in their order; an exception in the place of a result is that request's.
Run = Callable[[list[Any]], Sequence[Any]]


class BusyError(Exception):
    """The queue is full, or a request has waited too long; `retry_after` are seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("too many requests are waiting")
        self.retry_after = retry_after


class Counts(Protocol):
    """What is told of the queue as it changes."""

    def waiting(self, number: float, /) -> None:
        """So many requests wait for their turn."""

    def waited(self, seconds: float, /) -> None:
        """One has had its turn, or was sent away, after this time."""

    def busy(self, seconds: float, /) -> None:
        """The thread has worked for this time."""


class Uncounted:
    """Tells nobody."""

    def waiting(self, number: float, /) -> None:
        """Nothing."""

    waited = busy = waiting


@dataclass(slots=True, eq=False)
class Job:
    """A request, how many texts it holds, and what its client awaits."""

    request: Any
    size: int
    result: "asyncio.Future[Any]"
    since: float
    started: bool = False


class Queue:
    """A bounded queue before a thread that runs batches of up to `batch` texts.

    It takes what waits at that moment and never waits for more to come.
    """

    def __init__(self, run: Run, size: int, timeout: float, batch: int = 1) -> None:
        self.pending = 0  # requests that are not answered yet
        self.counts: Counts = Uncounted()
        self._run = run
        self._size = size
        self._timeout = timeout
        self._batch = batch
        self._seconds = 0.01  # between two requests that are answered, on average
        self._waiting: deque[Job] = deque()
        self._idle = True
        self._batches: SimpleQueue[list[Job] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="predict", daemon=True)
        self._thread.start()

    async def run(self, request: Any, size: int = 1) -> Any:
        """Return the result of a request of so many texts; raise BusyError where it cannot wait."""
        if self.pending >= self._size:
            raise BusyError(self.retry_after())
        loop = asyncio.get_running_loop()
        job = Job(request, size, loop.create_future(), time.monotonic())
        timer = loop.call_later(self._timeout, self._expire, job)
        self.pending += 1
        self._waiting.append(job)
        self.counts.waiting(len(self._waiting))
        if self._idle:
            loop.call_soon(self._dispatch)  # with all others that arrive in this turn of the loop
        try:
            return await job.result
        finally:
            timer.cancel()
            self.pending -= 1
            if job in self._waiting:  # its client has gone, or has waited too long
                self._waiting.remove(job)
                self.counts.waiting(len(self._waiting))
                self.counts.waited(time.monotonic() - job.since)

    def retry_after(self) -> int:
        """Return after how many whole seconds the queue is likely to have moved on."""
        return max(1, math.ceil(self.pending * self._seconds))

    async def close(self) -> None:
        """End the thread when all that was accepted is answered."""
        while results := [job.result for job in self._waiting if not job.result.done()]:
            await asyncio.wait(results)
        self._batches.put(None)
        await asyncio.to_thread(self._thread.join)

    def _expire(self, job: Job) -> None:
        if not job.started and not job.result.done():
            job.result.set_exception(BusyError(self.retry_after()))

    def _dispatch(self) -> None:
        """Hand what waits to the thread, if it is idle."""
        if self._idle and (jobs := self._take()):
            self._idle = False
            self._batches.put(jobs)

    def _take(self) -> list[Job]:
        """Return the requests of the next batch, but none that nobody awaits any more."""
        jobs: list[Job] = []
        texts, now = 0, time.monotonic()
        while self._waiting:
            texts += self._waiting[0].size
            if jobs and texts > self._batch:
                break
            job = self._waiting.popleft()
            if not job.result.done():
                job.started = True
                jobs.append(job)
            self.counts.waited(now - job.since)
        self.counts.waiting(len(self._waiting))
        return jobs

    def _work(self) -> None:
        while (jobs := self._batches.get()) is not None:
            start = time.monotonic()
            results = self._run([job.request for job in jobs])
            seconds = time.monotonic() - start
            jobs[0].result.get_loop().call_soon_threadsafe(self._finish, jobs, results, seconds)

    def _finish(self, jobs: list[Job], results: Sequence[Any], seconds: float) -> None:
        self._idle = True
        self.counts.busy(seconds)
        self._seconds += 0.05 * (seconds / len(jobs) - self._seconds)
        self._dispatch()
        for job, result in zip(jobs, results, strict=True):
            if job.result.done():
                continue
            if isinstance(result, Exception):
                job.result.set_exception(result)
            else:
                job.result.set_result(result)
