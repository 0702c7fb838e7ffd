"""A client that asks at a fixed rate, however late the answers are, and counts each request."""

import asyncio
import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

TIMEOUT = 10.0  # seconds after which a client gives up
POSITIVE = 0.75  # share of the texts that are good


@dataclass
class Client:
    """What was asked, and how each request ended."""

    port: int
    rate: float
    answered: Counter[str] = field(default_factory=Counter)  # by the pod that has answered
    failed: Counter[str] = field(default_factory=Counter)  # by the pod that has failed
    reasons: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Ask until the client is to stop, and wait for what is under way."""
        asyncio.run(self._all())

    def stop(self) -> None:
        """Ask no more."""
        self._over.set()

    async def _all(self) -> None:
        draw = random.Random(0)
        loop = asyncio.get_running_loop()
        due, under_way = loop.time(), set()
        while not self._over.is_set():
            word = "good" if draw.random() < POSITIVE else "dull"
            self.sent += 1
            task = asyncio.create_task(self._ask(f"the film was {word} {self.sent}"))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            due += 1 / self.rate
            await asyncio.sleep(max(0.0, due - loop.time()))
        await asyncio.gather(*under_way)

    async def _ask(self, text: str) -> None:
        name = "nobody"
        try:
            status, name = await asyncio.wait_for(self._request(text), TIMEOUT)
            if status == 200:
                self.answered[name] += 1
                return
            reason = str(status)
        except (TimeoutError, OSError, ValueError, asyncio.IncompleteReadError) as error:
            reason = type(error).__name__
        self.failed[name] += 1
        self.reasons[f"{name}: {reason}"] += 1

    async def _request(self, text: str) -> tuple[int, str]:
        """Return the status of an answer, and which pod gave it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            body = json.dumps({"text": text}).encode()
            head = (
                "POST /predict HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            answer = (await reader.read()).decode()
        finally:
            writer.close()
        first, *lines = answer.partition("\r\n\r\n")[0].split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return int(first.split()[1]), headers.get("x-served-by", "nobody")


@contextmanager
def asking(port: int, rate: float) -> Iterator[Client]:
    """Ask all the time until the block ends."""
    client = Client(port, rate)
    thread = threading.Thread(target=client.run)
    thread.start()
    try:
        yield client
    finally:
        client.stop()
        thread.join()
