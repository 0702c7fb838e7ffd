"""Send requests on a schedule by Locust, from the environment of CI's tools."""

import json
import os
import random
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mlops.client import proxy
from mlops.client.address import Address
from mlops.client.load_outcome import Record
from mlops.core.errors import ServingError

LOCUST = Path(".venv/ci/bin/locust")
PLAN = Path(__file__).with_name("locustfile.py")
TIMEOUT = 30.0  # seconds for one request
SPARE = 120.0  # seconds that Locust may take longer than its plan, on a busy machine


def even(rate: int, seconds: int) -> list[float]:
    """Return the seconds at which requests are due, one like the other."""
    return [number / rate for number in range(rate * seconds)]


def poisson(rate: int, seconds: int) -> list[float]:
    """Return the seconds at which requests of many callers are due, the same ones each time."""
    chance, due, at = random.Random(rate), [], 0.0
    while (at := at + chance.expovariate(rate)) < seconds:
        due.append(at)
    return due


def send(where: Address, asked: Sequence[str], due: Sequence[float]) -> list[Record]:
    """Run Locust; return what became of each request, in the order of the schedule."""
    between = proxy.between(where)
    plan = {
        "url": str(where), "headers": where.headers, "proxy": between.url if between else "",
        "due": due, "texts": asked, "timeout": TIMEOUT,
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="load-") as name:
        files = {f"LOAD_{part}": Path(name) / f"{part}.json" for part in ("PLAN", "RECORD")}
        files["LOAD_PLAN"].write_text(json.dumps(plan), encoding="utf-8")
        _locust({key: str(path) for key, path in files.items()}, due[-1] + TIMEOUT + SPARE)
        found = json.loads(files["LOAD_RECORD"].read_text(encoding="utf-8"))
    return [tuple(row) for row in found]


def _locust(variables: dict[str, str], seconds: float) -> None:
    command = [
        str(LOCUST.resolve()), "--locustfile", str(PLAN), "--headless", "--users", "1",
        "--only-summary", "--exit-code-on-error", "0",
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **variables},
            text=True, capture_output=True, check=False, timeout=seconds,
        )  # fmt: skip
    except FileNotFoundError:
        raise ServingError(f"{LOCUST} is missing; `make load-test` installs it") from None
    except subprocess.TimeoutExpired:
        raise ServingError(f"Locust did not end within {seconds:g} s; run it again") from None
    if done.returncode or not Path(variables["LOAD_RECORD"]).exists():
        raise ServingError(
            f"Locust ended with {done.returncode} and without a result: {done.stderr[-1000:]}"
        )
