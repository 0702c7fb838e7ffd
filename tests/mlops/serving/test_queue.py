"""The queue before the thread that predicts: bounded, in order, never stuck."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from mlops.serving.queue import BusyError, Job, Queue

pytestmark = pytest.mark.anyio


class Model:
    """A model that answers when it is allowed to, and fails on a request that says so."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.started = threading.Event()
        self.batches: list[list[str]] = []

    def run(self, requests: list[str]) -> list[str | Exception]:
        """Answer once the gate is open."""
        self.started.set()
        self.gate.wait()
        self.batches.append(requests)
        return [ValueError(text) if text == "fail" else text.upper() for text in requests]


@pytest.fixture(name="model")
def _model() -> Iterator[Model]:
    model = Model()
    yield model
    model.gate.set()


async def start(queue: Queue, *requests: str, size: int = 1) -> "list[asyncio.Task[str]]":
    """Put requests into the queue, and let it share them out."""
    tasks = [asyncio.ensure_future(queue.run(request, size)) for request in requests]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_each_request_gets_its_own_result(model: Model) -> None:
    """In whatever batch it was answered, and whoever else waits."""
    queue = Queue(model.run, size=8, timeout=60, batch=2)
    tasks = await start(queue, "a", "b", "c")
    model.gate.set()
    results = await asyncio.gather(*tasks)
    await queue.close()

    assert results == ["A", "B", "C"]
    assert queue.pending == 0


async def test_a_full_queue_takes_no_more(model: Model) -> None:
    """It says so at once; those in it are answered, and then there is room again."""
    queue = Queue(model.run, size=2, timeout=60)
    tasks = await start(queue, "a", "b")
    with pytest.raises(BusyError) as error:
        await queue.run("c")
    model.gate.set()

    assert error.value.retry_after >= 1
    assert await asyncio.gather(*tasks) == ["A", "B"]
    assert await queue.run("d") == "D"
    await queue.close()


async def test_a_request_that_has_waited_too_long_is_not_run(model: Model) -> None:
    """Its client hears so at once, not when its turn comes, and no time is spent on it."""
    queue = Queue(model.run, size=8, timeout=60)
    (first,) = await start(queue, "a")
    queue._timeout = 0
    with pytest.raises(BusyError):
        await queue.run("late")
    model.gate.set()
    await first
    await queue.close()

    assert model.batches == [["a"]]


async def test_a_request_that_has_started_does_not_expire(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The timeout is that of the wait; a turn that has begun comes to its end."""
    queue = Queue(model.run, size=8, timeout=0)
    expire, expired = queue._expire, asyncio.Event()

    def watch(job: Job) -> None:
        expire(job)
        expired.set()

    monkeypatch.setattr(queue, "_expire", watch)
    task = asyncio.ensure_future(queue.run("a"))
    await expired.wait()
    model.gate.set()

    assert await task == "A"
    await queue.close()


async def test_a_request_that_was_cancelled_costs_nothing(model: Model) -> None:
    """It is not run, and its place is free."""
    queue = Queue(model.run, size=8, timeout=60)
    first, second = await start(queue, "a", "b")
    second.cancel()
    await asyncio.sleep(0)
    pending = queue.pending
    model.gate.set()
    await first
    await queue.close()

    assert pending == 1
    assert model.batches == [["a"]]


@pytest.mark.parametrize(
    ("batch", "expected"), [(1, [["a"], ["b"], ["c"]]), (4, [["a"], ["b", "c"]])]
)
async def test_requests_share_a_batch_only_where_asked(
    model: Model, batch: int, expected: list[list[str]]
) -> None:
    """What has come meanwhile is answered together; nothing waits for more to come."""
    queue = Queue(model.run, size=8, timeout=60, batch=batch)
    tasks = await start(queue, "a")
    await asyncio.to_thread(model.started.wait)
    tasks += await start(queue, "b", "c")
    model.gate.set()
    await asyncio.gather(*tasks)
    await queue.close()

    assert model.batches == expected


async def test_a_batch_holds_no_more_texts_than_it_may(model: Model) -> None:
    """A request keeps its texts together: a long list is a batch of its own."""
    queue = Queue(model.run, size=8, timeout=60, batch=4)
    tasks = await start(queue, "a")
    await asyncio.to_thread(model.started.wait)
    for request, size in (("b", 3), ("list", 64), ("c", 2), ("d", 2)):
        tasks += await start(queue, request, size=size)
    model.gate.set()
    await asyncio.gather(*tasks)
    await queue.close()

    assert model.batches == [["a"], ["b"], ["list"], ["c", "d"]]


async def test_one_failure_fails_no_other_request(model: Model) -> None:
    """Also where the requests shared a batch."""
    queue = Queue(model.run, size=8, timeout=60, batch=8)
    tasks = await start(queue, "a", "fail", "b")
    model.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    await queue.close()

    assert [results[0], results[2]] == ["A", "B"]
    assert isinstance(results[1], ValueError)


async def test_closing_finishes_what_was_accepted(model: Model) -> None:
    """No client is left without a response, and no thread is left."""
    queue = Queue(model.run, size=8, timeout=60)
    tasks = await start(queue, "a", "b", "c")
    closing = asyncio.create_task(queue.close())
    await asyncio.sleep(0)
    model.gate.set()
    await closing

    assert await asyncio.gather(*tasks) == ["A", "B", "C"]
    assert not queue._thread.is_alive()
