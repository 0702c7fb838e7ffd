"""The request log of a served Bento with two workers: what an end of each kind leaves. Slow."""

import json
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

import served

pytestmark = pytest.mark.slow
WRITTEN = {"outcome": "written"}


def lines(spool: Path) -> list[dict[str, Any]]:
    """Return the lines of all files, closed and open; a torn one fails."""
    return [
        json.loads(line)
        for path in sorted(spool.iterdir())
        for line in path.read_text().splitlines()
    ]


def written(server: served.Server) -> float:
    """Return what the server says is in the spool."""
    return server.metric("bentoml_service_request_log_total", **WRITTEN)


def ask(server: served.Server, requests: int) -> None:
    """Send requests of two texts each, over new connections, which both workers take."""
    for _ in range(requests):
        assert server.predict({"texts": ["good", "bad"]})[0] == 200


def kill_one(server: served.Server) -> None:
    """Kill a worker; return when another one has taken its place."""
    victim = server.workers()[-1]
    victim.send_signal(signal.SIGKILL)
    psutil.wait_procs([victim], 30)
    served.wait_for(lambda: len(server.workers()) == 2, server)


def stop(server: served.Server) -> None:
    """End the server as Kubernetes and podman do."""
    workers = server.workers()
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(60)
    psutil.wait_procs(workers, 30)


def test_each_end_leaves_what_was_accepted(bento: served.Bento, tmp_path: Path) -> None:
    """Of two workers one is killed, and its successor goes on; SIGTERM writes and closes all."""
    spool, place = tmp_path / "spool", tmp_path / "server"
    place.mkdir()
    with served.serve(bento, place, REQUEST_LOG=str(spool), MODEL_VERSION="7") as server:
        served.wait_for(lambda: len(server.workers()) == 2, server)
        ask(server, 40)
        served.wait_for(lambda: written(server) >= 80, server)
        before = written(server)
        kill_one(server)
        kept = len(lines(spool))
        ask(server, 40)
        stop(server)
    found = lines(spool)
    suffixes = [path.suffix for path in spool.iterdir()]

    assert kept >= before
    assert len(found) >= before + 80
    assert {line["version"] for line in found} == {"7"}
    assert len({(line["request_id"], line["item"]) for line in found}) == len(found)
    assert suffixes.count(".part") <= 1  # the killed worker's, for whoever ships it to take over
    assert suffixes.count(".jsonl") + suffixes.count(".part") == len(suffixes)
