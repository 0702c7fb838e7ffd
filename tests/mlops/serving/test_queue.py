"""The line before the thread that reads, predicts and writes: bounded, in order, never stuck."""

import asyncio
import threading
from collections.abc import Iterator, Sequence

import pytest

from mlops.serving.engine import Prediction
from mlops.serving.queue import BusyError, Line

pytestmark = pytest.mark.anyio


def said(text: str) -> Prediction:
    """Return a prediction that can be told from others."""
    return Prediction(label=text, probabilities={}, tokens=1, truncated=False)


class Model:
    """A model that predicts when it is allowed to, and fails on a text that says so."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.calls: list[list[str]] = []

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Predict once the gate is open."""
        self.gate.wait()
        self.calls.append(list(texts))
        if "fail" in texts:
            raise ValueError("fail")
        return [said(text) for text in texts]


@pytest.fixture(name="model")
def _model() -> Iterator[Model]:
    model = Model()
    yield model
    model.gate.set()


async def ask(line: Line, *requests: list[str]) -> "list[asyncio.Task[list[Prediction]]]":
    """Start requests, one after the other, as far as they get by themselves."""
    tasks = []
    for texts in requests:
        tasks.append(asyncio.ensure_future(predict(line, texts)))
        await asyncio.sleep(0)
    return tasks


async def predict(line: Line, texts: list[str]) -> list[Prediction]:
    """Ask for texts that need no reading and predictions that need no writing."""
    return await line.ask(lambda: texts, list)


async def test_each_request_gets_its_own_answer(model: Model) -> None:
    """In the order of its texts, whoever else waits."""
    line = Line(model.predict, size=8, timeout=60)
    tasks = await ask(line, ["a", "b"], ["c"])
    model.gate.set()
    answers = await asyncio.gather(*tasks)
    line.close()

    assert answers == [[said("a"), said("b")], [said("c")]]
    assert line.waiting == 0


async def test_who_comes_when_the_line_is_full_is_told_at_once(model: Model) -> None:
    """Also while the thread is busy; those in the line are served, and then there is room again."""
    line = Line(model.predict, size=2, timeout=60)
    tasks = await ask(line, ["a"], ["b"])
    with pytest.raises(BusyError) as error:
        await predict(line, ["c"])
    model.gate.set()

    assert error.value.retry_after >= 1
    assert await asyncio.gather(*tasks) == [[said("a")], [said("b")]]
    assert await predict(line, ["d"]) == [said("d")]
    line.close()


async def test_who_has_waited_too_long_is_not_served(model: Model) -> None:
    """It is told so at once, not when its turn comes, and no time is spent on it."""
    line = Line(model.predict, size=8, timeout=60)
    (first,) = await ask(line, ["a"])
    line._timeout = 0
    with pytest.raises(BusyError):
        await predict(line, ["late"])
    model.gate.set()
    await first
    line.close()

    assert model.calls == [["a"]]


async def test_who_is_being_served_is_not_given_up(model: Model) -> None:
    """The time is that of the wait; a turn that has begun comes to its end."""
    line = Line(model.predict, size=8, timeout=0)
    begun = threading.Event()

    def read() -> list[str]:
        begun.set()
        return ["a"]

    task = asyncio.ensure_future(line.ask(read, list))
    await asyncio.sleep(0)
    begun.wait()  # the loop stands still, and with it the time that is over at once
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waits = not task.done()
    model.gate.set()

    assert await task == [said("a")]
    assert waits
    line.close()


async def test_the_thread_reads_and_writes(model: Model) -> None:
    """What takes time by what a request holds keeps the event loop from nobody."""
    model.gate.set()
    line = Line(model.predict, size=8, timeout=60)
    threads: list[str] = []

    def read() -> list[str]:
        threads.append(threading.current_thread().name)
        return ["a"]

    def write(_found: list[Prediction]) -> str:
        threads.append(threading.current_thread().name)
        return "written"

    assert await line.ask(read, write) == "written"
    assert threads == ["predict", "predict"]
    line.close()


@pytest.mark.parametrize("join", [1, 8])
@pytest.mark.parametrize("part", ["read", "write"])
async def test_a_request_that_cannot_be_read_or_written_fails_alone(
    model: Model, join: int, part: str
) -> None:
    """Those beside it in the batch are served."""
    line = Line(model.predict, size=8, timeout=60, join=join)

    def fail(*_found: object) -> list[str]:
        raise ValueError

    (first,) = await ask(line, ["a"])
    texts = fail if part == "read" else lambda: ["bad"]
    bad = asyncio.ensure_future(line.ask(texts, fail))
    await asyncio.sleep(0)
    (last,) = await ask(line, ["b"])
    model.gate.set()
    answers = await asyncio.gather(first, bad, last, return_exceptions=True)
    line.close()

    assert answers[0] == [said("a")]
    assert isinstance(answers[1], ValueError)
    assert answers[2] == [said("b")]


async def test_refused_requests_keep_nobody_waiting(model: Model) -> None:
    """A batch reads no more of them than it may hold texts, then predicts what it has."""
    line = Line(model.predict, size=64, timeout=60, join=2)
    all_wait = threading.Event()
    predicted: list[int] = []

    def hold() -> list[str]:
        all_wait.wait()
        return ["a", "a"]

    def fail() -> list[str]:
        predicted.append(len(model.calls))
        raise ValueError

    model.gate.set()
    requests = [line.ask(hold, list), predict(line, ["b"]), *(line.ask(fail, list) for _ in "1234")]
    tasks = [asyncio.ensure_future(request) for request in requests]
    await asyncio.sleep(0)
    all_wait.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    line.close()

    assert model.calls == [["a", "a"], ["b"]]
    assert predicted == [1, 2, 2, 2]


async def test_a_request_that_was_given_up_costs_nothing(model: Model) -> None:
    """Its texts are not predicted, and its place is free."""
    line = Line(model.predict, size=8, timeout=60)
    first, second = await ask(line, ["a"], ["b"])
    second.cancel()
    await asyncio.sleep(0)
    waiting = line.waiting
    model.gate.set()
    await first
    line.close()

    assert waiting == 1
    assert model.calls == [["a"]]


@pytest.mark.parametrize(("join", "calls"), [(1, 3), (4, 2)])
async def test_requests_share_a_batch_only_where_asked(model: Model, join: int, calls: int) -> None:
    """With `join`, what has come meanwhile is predicted at once; else each request alone."""
    line = Line(model.predict, size=8, timeout=60, join=join)
    started = threading.Event()
    hold = model.predict

    def predict(texts: Sequence[str]) -> list[Prediction]:
        started.set()
        return hold(texts)

    line._predict = predict
    tasks = await ask(line, ["a"])
    await asyncio.to_thread(started.wait)
    tasks += await ask(line, ["b"], ["c"])
    model.gate.set()
    answers = await asyncio.gather(*tasks)
    line.close()

    assert len(model.calls) == calls
    assert answers == [[said("a")], [said("b")], [said("c")]]


@pytest.mark.parametrize("join", [1, 8])
async def test_one_failure_fails_no_other_request(model: Model, join: int) -> None:
    """Also where the requests shared a batch."""
    line = Line(model.predict, size=8, timeout=60, join=join)
    tasks = await ask(line, ["a"], ["fail"], ["b"])
    model.gate.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    line.close()

    assert answers[0] == [said("a")]
    assert isinstance(answers[1], ValueError)
    assert answers[2] == [said("b")]


@pytest.mark.parametrize("join", [1, 8])
async def test_closing_finishes_what_was_accepted(model: Model, join: int) -> None:
    """Nobody in the line is left without an answer."""
    line = Line(model.predict, size=8, timeout=60, join=join)
    tasks = await ask(line, ["a"], ["b"])
    closing = asyncio.create_task(asyncio.to_thread(line.close))
    model.gate.set()
    await closing

    assert await asyncio.gather(*tasks) == [[said("a")], [said("b")]]
