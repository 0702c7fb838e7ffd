"""The served Bento under load, ended, and with a worker killed. Slow."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

import served

pytestmark = pytest.mark.slow
QUEUE = 4
# Some seconds of work, so that the line is full for long enough to be seen.
LONG = ["good"] * 256
WARM_UP = 30_000
ASKED = 50_000
# What these requests may add to a worker; their bodies alone, kept, would be some 44 MiB in each.
GROWTH = 20 * 2**20


@pytest.fixture(name="slow_bento", scope="module")
def _slow_bento(tmp_path_factory: pytest.TempPathFactory, serving_bin: Path) -> served.Bento:
    """One worker with a short line and a model of some 50 ms."""
    folder = tmp_path_factory.mktemp("slow")
    return served.build(folder, serving_bin, work=8, workers=1, queue_size=QUEUE, timeout=60.0)


@pytest.fixture(name="slow", scope="module")
def _slow(
    slow_bento: served.Bento, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[served.Server]:
    with served.serve(slow_bento, tmp_path_factory.mktemp("server")) as server:
        yield server


def at_once(call: Callable[[int], Any], number: int) -> list[Any]:
    """Return what a function gives when it is called so many times at the same moment."""
    barrier = threading.Barrier(number)

    def start(n: int) -> Any:
        barrier.wait()
        return call(n)

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(start, range(number)))


def test_more_than_the_line_holds_is_told_to_come_back(slow: served.Server) -> None:
    """All are answered: those in the line with a prediction, the others with when to come back."""
    found = at_once(lambda _n: slow.predict({"texts": LONG}), 15 * QUEUE)
    statuses = Counter(status for status, _answer, _headers in found)

    assert set(statuses) == {200, 503}
    assert statuses[200] >= QUEUE
    for status, answer, headers in found:
        if status == 503:
            assert int(headers["retry-after"]) >= 1
            assert answer["error"]["code"] == "busy"


def test_those_in_the_line_wait_for_no_more_than_the_line(slow: served.Server) -> None:
    """However many ask, so few wait: their time depends on the line's length, not on the load."""
    seen: list[float] = []
    with ThreadPoolExecutor(4 * QUEUE) as pool:
        asked = [pool.submit(slow.predict, {"texts": LONG}) for _ in range(4 * QUEUE)]
        while not all(one.done() for one in asked):
            seen.append(slow.metric("bentoml_service_request_in_progress"))

    assert max(seen) == QUEUE


def test_health_answers_while_the_line_is_full(slow: served.Server) -> None:
    """A busy worker is not taken for a dead one."""
    with ThreadPoolExecutor(4 * QUEUE) as pool:
        asked = [pool.submit(slow.predict, {"texts": LONG}) for _ in range(4 * QUEUE)]
        served.wait_for(lambda: slow.metric("bentoml_service_request_in_progress") == QUEUE, slow)

        assert slow.get("/livez") == "\n"
        assert {future.result()[0] for future in asked} <= {200, 503}


def test_ending_finishes_what_was_accepted(slow_bento: served.Bento, tmp_path: Path) -> None:
    """On SIGTERM each request in the line gets its answer, then the service ends well."""
    with served.serve(slow_bento, tmp_path) as server, ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(server.predict, {"texts": LONG}) for _ in range(3)]
        served.wait_for(lambda: server.metric("bentoml_service_request_in_progress") == 3, server)
        server.process.send_signal(signal.SIGTERM)

        assert [future.result()[0] for future in asked] == [200, 200, 200]
        assert server.process.wait(60) == 0


@pytest.mark.parametrize("container", [False, True])
def test_a_killed_worker_comes_back_and_the_service_answers_meanwhile(
    bento: served.Bento, tmp_path: Path, container: bool
) -> None:
    """Outside and inside a container; the other worker serves all that is asked."""
    variables = {"BENTOML_CONTAINERIZED": "true"} if container else {}
    with served.serve(bento, tmp_path, **variables) as server:
        served.wait_for(lambda: len(server.workers()) == 2, server)
        victim = server.workers()[0]
        os.kill(victim.pid, signal.SIGKILL)

        def back() -> bool:
            assert server.predict({"text": "good"})[0] == 200
            return len({worker.pid for worker in server.workers()} - {victim.pid}) == 2

        served.wait_for(back, server)


@pytest.mark.nightly
def test_memory_does_not_grow(bento: served.Bento, tmp_path: Path) -> None:
    """Over 50,000 requests of all kinds, bad ones and unknown paths included."""
    with served.serve(bento, tmp_path) as server:
        ask_many(server, WARM_UP)
        before = [worker.memory_info().rss for worker in server.workers()]
        ask_many(server, ASKED)
        after = [worker.memory_info().rss for worker in server.workers()]

        assert server.metric("bentoml_service_request_total") >= ASKED
        assert max(b - a for a, b in zip(before, after, strict=True)) < GROWTH


def ask_many(server: served.Server, number: int) -> None:
    """Send requests of all kinds over 4 connections, new ones every 2,000 requests.

    A connection stays with the worker that took it: with only 4, one worker may get none.
    """
    bodies = [
        b'{"text": "the film was good"}',
        b'{"texts": ["good", "", 5, "the film was dull"]}',
        b'{"text": "' + b"film " * 2000 + b'"}',
        b'{"text": ""}',
        b"[[[[",
        b'{"text": "\xff"}',
    ]

    def ask(client: int) -> None:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
        for n in range(500):
            path = f"/unknown/{client}/{n}" if n % 10 == 9 else "/predict"
            headers = {"Content-Type": "application/json"}
            connection.request("POST", path, bodies[n % len(bodies)], headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status in (200, 400, 404, 422)
        connection.close()

    for _round in range(number // 2000):
        at_once(ask, 4)
