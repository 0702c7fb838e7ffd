"""The line in which accepted texts wait for the one thread that predicts.

It has an end: who comes when it is full is told so at once, so that those in it are served in a
time that does not grow with the load.
"""

import asyncio
import math
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ml.serving.engine import Prediction

Predict = Callable[[Sequence[str]], list[Prediction]]


class BusyError(Exception):
    """The line is full, or a job has waited too long; `retry_after` are seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("too many requests are waiting")
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Job:
    """The texts of one request, and who waits for them."""

    texts: Sequence[str]
    answer: "asyncio.Future[list[Prediction]]"
    loop: asyncio.AbstractEventLoop
    until: float


class Line:
    """A bounded line before one thread; a request's texts stay together.

    With `join` > 1 the thread takes several requests at once, up to so many texts: it never waits
    for more to come.
    """

    def __init__(self, predict: Predict, size: int, timeout: float, join: int = 1) -> None:
        self.waiting = 0
        self._predict = predict
        self._size = size
        self._timeout = timeout
        self._join = join
        self._seconds = 0.01  # that a job took, on average
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="predict", daemon=True)
        self._thread.start()

    async def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Wait for the turn of these texts; raise BusyError when too many wait already."""
        if self.waiting >= self._size:
            raise BusyError(self.retry_after())
        loop = asyncio.get_running_loop()
        job = Job(texts, loop.create_future(), loop, time.monotonic() + self._timeout)
        self.waiting += 1
        try:
            self._jobs.put(job)
            return await job.answer
        finally:
            self.waiting -= 1

    def retry_after(self) -> int:
        """Return after how many whole seconds the line is likely to have moved on."""
        return max(1, math.ceil(self.waiting * self._seconds))

    def close(self) -> None:
        """End the thread when it has done what was accepted."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            jobs = self._with_more(job)
            live = [job for job in jobs if self._still_wanted(job)]
            if live:
                self._answer(live)

    def _with_more(self, job: Job) -> list[Job]:
        jobs = [job]
        texts = len(job.texts)
        while texts < self._join:
            try:
                more = self._jobs.get_nowait()
            except queue.Empty:
                break
            if more is None:
                self._jobs.put(None)
                break
            jobs.append(more)
            texts += len(more.texts)
        return jobs

    def _still_wanted(self, job: Job) -> bool:
        if time.monotonic() < job.until:
            return not job.answer.done()  # done: given up by who asked
        job.loop.call_soon_threadsafe(_fail, job.answer, BusyError(self.retry_after()))
        return False

    def _answer(self, jobs: list[Job]) -> None:
        start = time.monotonic()
        try:
            results = self._predict([text for job in jobs for text in job.texts])
        except Exception as error:  # whatever it is, the others must be served
            if len(jobs) == 1:
                jobs[0].loop.call_soon_threadsafe(_fail, jobs[0].answer, error)
                return
            for job in jobs:
                self._answer([job])
            return
        self._seconds += 0.05 * ((time.monotonic() - start) / len(jobs) - self._seconds)
        done = 0
        for job in jobs:
            part = results[done : done + len(job.texts)]
            done += len(part)
            job.loop.call_soon_threadsafe(_give, job.answer, part)


def _give(answer: "asyncio.Future[list[Prediction]]", results: list[Prediction]) -> None:
    if not answer.done():  # else the request was given up
        answer.set_result(results)


def _fail(answer: "asyncio.Future[list[Prediction]]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
