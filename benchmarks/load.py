"""Press a server: as fast as it answers with wrk, or at a given rate with h2load.

Both are Debian's: packages wrk and nghttp2-client.
"""

import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from settings import ROOT

PACKAGES = {"wrk": "wrk", "h2load": "nghttp2-client"}
SCRIPT = ROOT / "benchmarks" / "sentences.lua"
SPARE = 30  # seconds that a generator may take longer than it was told
HTTP_ERROR = 400


class Answers(NamedTuple):
    """What so many connections got that ask again when they are answered."""

    per_second: float  # good answers
    p50: float  # ms, of all answers
    p99: float
    bad: int  # error statuses, broken connections and time-outs


class Flood(NamedTuple):
    """What a rate of requests got that does not wait for the server."""

    sent: float  # per second
    good: list[float]  # ms of each good answer, sorted
    statuses: dict[int, int]  # how often each status; -1: no answer
    seconds: float


def press(url: str, bodies: Path, connections: int, seconds: int) -> Answers:
    """Let wrk post the bodies in turn over connections that stay open."""
    told = _run(
        [tool("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s",
         "-s", str(SCRIPT), url, "--", str(bodies)],
        seconds,
    )  # fmt: skip
    found = json.loads(told.splitlines()[-1])
    good = found["answers"] - found["refused"]
    return Answers(
        good / found["seconds"], found["p50"], found["p99"], found["refused"] + found["broken"]
    )


def flood(url: str, bodies: Path, rate: float, seconds: int) -> Flood:
    """Let h2load post the first body at a rate, over more connections than a queue holds."""
    connections = 512
    body = bodies.with_suffix(".first")
    body.write_text(bodies.read_text(encoding="utf-8").split("\n", 1)[0], encoding="utf-8")
    log = bodies.with_suffix(".log")
    log.unlink(missing_ok=True)  # h2load appends
    _run(
        [tool("h2load"), "--h1", "-t1", f"-c{connections}", f"--rps={rate / connections:.3f}",
         "-D", str(seconds), "-d", str(body), "-H", "content-type: application/json",
         f"--log-file={log}", url],
        seconds,
    )  # fmt: skip
    rows = [line.split("\t") for line in log.read_text(encoding="utf-8").splitlines()]
    statuses: dict[int, int] = {}
    for _, status, _ in rows:
        statuses[int(status)] = statuses.get(int(status), 0) + 1
    good = sorted(int(took) / 1000 for _, status, took in rows if 0 < int(status) < HTTP_ERROR)
    return Flood(len(rows) / seconds, good, statuses, seconds)


def written(path: Path, bodies: Iterable[str]) -> Path:
    """Write bodies for a generator, one a line."""
    path.write_text("\n".join(bodies), encoding="utf-8")
    return path


def tool(name: str) -> str:
    """Return the path of a load generator."""
    found = shutil.which(name)
    if not found:
        raise SystemExit(f"error: {name} is missing. Install it: apt-get install {PACKAGES[name]}")
    return found


def _run(command: list[str], seconds: int) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=seconds + SPARE, check=False
    )
    if done.returncode:
        raise SystemExit(f"error: {command[0]} ended with {done.returncode}: {done.stderr[-500:]}")
    return done.stdout
