"""The line in which requests wait for the one thread that reads, predicts and writes.

It has an end: who comes when it is full is told so at once, so that those in it are served in a
time that does not grow with the load. All that takes time by what a request holds is done in the
thread, so that the event loop goes on to answer others meanwhile.
"""

import asyncio
import math
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from mlops.serving.engine import Prediction

Predict = Callable[[Sequence[str]], list[Prediction]]
T = TypeVar("T")


class BusyError(Exception):
    """The line is full, or a job has waited too long; `retry_after` are seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("too many requests are waiting")
        self.retry_after = retry_after


@dataclass(slots=True)
class Job:
    """One request: how to get its texts, what to make of their predictions, and who waits."""

    read: Callable[[], Sequence[str]]
    write: Callable[[list[Prediction]], Any]
    answer: "asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop
    texts: Sequence[str] = ()
    begun: bool = False


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

    async def ask(
        self, read: Callable[[], Sequence[str]], write: Callable[[list[Prediction]], T]
    ) -> T:
        """Wait for the turn of a request; raise BusyError when too many wait already.

        Both are called in the thread: `read` gives the texts, `write` what is made of the
        predictions. What they raise is raised here.
        """
        if self.waiting >= self._size:
            raise BusyError(self.retry_after())
        loop = asyncio.get_running_loop()
        job = Job(read, write, loop.create_future(), loop)
        timer = loop.call_later(self._timeout, self._give_up, job)
        self.waiting += 1
        try:
            self._jobs.put(job)
            answer: T = await job.answer
            return answer
        finally:
            timer.cancel()
            self.waiting -= 1

    def _give_up(self, job: Job) -> None:
        if not job.begun:
            _fail(job.answer, BusyError(self.retry_after()))

    def retry_after(self) -> int:
        """Return after how many whole seconds the line is likely to have moved on."""
        return max(1, math.ceil(self.waiting * self._seconds))

    def close(self) -> None:
        """End the thread when it has done what was accepted."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            start = time.monotonic()
            jobs = self._with_more(job)
            if jobs:
                self._answer(jobs)
                self._seconds += 0.05 * ((time.monotonic() - start) / len(jobs) - self._seconds)

    def _with_more(self, job: Job) -> list[Job]:
        """Read a job and, up to `join` texts, those that wait; return those to predict."""
        jobs = [job] if self._is_read(job) else []
        taken = max(1, len(job.texts))  # one that is refused has taken its turn too
        while taken < self._join:
            try:
                more = self._jobs.get_nowait()
            except queue.Empty:
                break
            if more is None:
                self._jobs.put(None)
                break
            if self._is_read(more):
                jobs.append(more)
            taken += max(1, len(more.texts))
        return jobs

    def _is_read(self, job: Job) -> bool:
        """Read the texts of a job, unless nobody waits for it any more."""
        job.begun = True
        if job.answer.done():  # given up, by who asked or for the time that it took
            return False
        try:
            job.texts = job.read()
        except Exception as error:  # whatever it is, the others must be served
            job.loop.call_soon_threadsafe(_fail, job.answer, error)
            return False
        return True

    def _answer(self, jobs: list[Job]) -> None:
        try:
            results = self._predict([text for job in jobs for text in job.texts])
        except Exception as error:  # whatever it is, the others must be served
            if len(jobs) == 1:
                jobs[0].loop.call_soon_threadsafe(_fail, jobs[0].answer, error)
                return
            for job in jobs:
                self._answer([job])
            return
        done = 0
        for job in jobs:
            part = results[done : done + len(job.texts)]
            done += len(part)
            try:
                written = job.write(part)
            except Exception as error:
                job.loop.call_soon_threadsafe(_fail, job.answer, error)
            else:
                job.loop.call_soon_threadsafe(_give, job.answer, written)


def _give(answer: "asyncio.Future[Any]", written: object) -> None:
    if not answer.done():  # else the request was given up
        answer.set_result(written)


def _fail(answer: "asyncio.Future[Any]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
