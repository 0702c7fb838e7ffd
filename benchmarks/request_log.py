"""What does the request log cost? Services with it and without, side by side, asked at once.

An open loop: each request has its moment (Poisson), and its time counts from there, however late
the answers before it are. The model is the tests' own, of a few words: the log's share of a request
is as large as it can be.

Run: python benchmarks/request_log.py [--quick]
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from contenders import Contender
from server import Server, serving
from settings import ROOT
from table import Section

sys.path.append(str(ROOT / "tests"))
import toy

RATE, SECONDS, ROUNDS = 100, 20, 6
TEXTS = ["the film was good", "a fine film", "the film was dull and bad", "great"]
OFF, ON, TEXTS_ON = "off", "on", "on, with texts and HMAC"
VARIABLES: dict[str, dict[str, str]] = {
    OFF: {},
    ON: {"REQUEST_LOG": "{work}/on"},
    TEXTS_ON: {
        "REQUEST_LOG": "{work}/texts", "REQUEST_LOG_TEXTS": "1", "REQUEST_LOG_KEY": "a key"
    },
}  # fmt: skip


class Connections:
    """Open connections to a service; each request takes a free one or a new one."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, text: str) -> None:
        """Send a request; return when its answer is whole."""
        body = json.dumps({"text": text}).encode()
        head = (
            "POST /predict HTTP/1.1\r\nHost: service\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        free = self._free.pop() if self._free else None
        reader, writer = free or await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"error: expected 200, found {answer[:200]!r}")
        size = next(
            line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length")
        )
        await reader.readexactly(int(size.partition(b":")[2]))
        if b"connection: close" in answer.lower():
            writer.close()
        else:
            self._free.append((reader, writer))


async def ask_all(
    ports: dict[str, int], rate: float, seconds: float
) -> tuple[dict[str, list[float]], list[float]]:
    """Ask each service at a rate of its own; return ms by service, and how late requests went."""
    loop, found, late = asyncio.get_running_loop(), {name: list[float]() for name in ports}, []
    services = {name: Connections(port) for name, port in ports.items()}
    chance = random.Random(0)

    async def ask(name: str, due: float, text: str) -> None:
        await services[name].ask(text)
        found[name].append((loop.time() - due) * 1000)

    tasks, due = [], loop.time()
    end = due + seconds
    while (due := due + chance.expovariate(rate * len(services))) < end:
        await asyncio.sleep(due - loop.time())
        late.append((loop.time() - due) * 1000)
        name = chance.choice(list(services))
        tasks.append(asyncio.ensure_future(ask(name, due, chance.choice(TEXTS))))
    await asyncio.gather(*tasks)
    return found, late


@contextmanager
def services(work: Path) -> Iterator[dict[str, Server]]:
    """Serve the same model once for each setting of the log."""
    folder = toy.serving(toy.export(work / "model"), workers=1)
    program = str(Path(sys.executable).with_name("bentoml"))
    command = [program, "serve", "ml.service:Classifier", f"--working-dir={ROOT / 'src'}",
               "--host=127.0.0.1", "--port={port}"]  # fmt: skip
    with ExitStack() as stack:
        found = {}
        for number, (name, given) in enumerate(VARIABLES.items()):
            own = {key: value.format(work=work) for key, value in given.items()}
            home = {"BENTOML_HOME": str(work / f"home{number}"), "BENTOML_DO_NOT_TRACK": "True"}
            variables = {"SERVING_FOLDER": str(folder), "PYTHONPATH": str(ROOT / "src")}
            one = Contender(
                name, command, variables | home | own, "/predict",
                lambda text: json.dumps({"text": text}),
            )  # fmt: skip
            found[name] = stack.enter_context(serving(one, work / f"server{number}.log"))
        yield found


def percentile(values: list[float], share: float) -> float:
    """Return a percentile."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def spread(values: list[float]) -> str:
    """Return the median of the rounds and their range."""
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def measure(seconds: float, rounds: int, work: Path) -> Section:
    """Ask in rounds; return the table."""
    found: list[dict[str, list[float]]] = []
    late: list[float] = []
    with services(work) as servers:
        ports = {name: int(one.url.split(":")[2].split("/")[0]) for name, one in servers.items()}
        asyncio.run(ask_all(ports, RATE, 1))  # warm
        before = {name: one.cpu() for name, one in servers.items()}
        for _ in range(rounds):
            times, lateness = asyncio.run(ask_all(ports, RATE, seconds))
            found.append(times)
            late += lateness
        cpu = {
            name: (one.cpu() - before[name]) * 1000 / sum(len(times[name]) for times in found)
            for name, one in servers.items()
        }
    rows = [
        (name, *(spread([percentile(times[name], share) for times in found])
                 for share in (0.5, 0.95, 0.99)), f"{cpu[name]:.2f}")
        for name in VARIABLES
    ]  # fmt: skip
    notes = [
        f"{RATE} requests/s to each service, all at once, {rounds} rounds of {seconds:g} s; "
        "ms from the moment at which a request was due; median of the rounds, smallest to largest.",
        f"The generator was {median(late):.2f} ms late in the middle, {percentile(late, 0.99):.2f} "
        "ms at the 99th percentile; it shares the cores with the services.",
    ]
    head = ("request log", "p50, ms", "p95, ms", "p99, ms", "CPU ms a request")
    return Section("Request log", head, rows, notes)


def main() -> None:
    """Measure, and print the table."""
    options = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    options.add_argument("--quick", action="store_true", help="seconds, to try the benchmark")
    quick = options.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="bench-") as work:
        print(measure(1 if quick else SECONDS, 2 if quick else ROUNDS, Path(work)).markdown())


if __name__ == "__main__":
    main()
