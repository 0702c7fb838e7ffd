"""Those who ask the service, run by Locust in the environment of CI's tools.

Each user asks once a second, whatever the last answer took, and starts at a moment of its own, so
that all together ask at an even rate.

Reads: LOAD_USERS, LOAD_TEXTS (a JSON file with a list of texts)
Writes: LOAD_SECONDS (a JSON file), the time between the first request and the last: Locust counts
    its own start among the time of the test
"""

import itertools
import json
import os
import time
from pathlib import Path

from locust import FastHttpUser, constant_throughput, events, task

USERS = int(os.environ["LOAD_USERS"])
TEXTS = itertools.cycle(json.loads(Path(os.environ["LOAD_TEXTS"]).read_text(encoding="utf-8")))
NUMBERS = itertools.count()
MOMENTS: list[float] = []


@events.request.add_listener  # type: ignore[untyped-decorator]
def asked(start_time: float, **_: object) -> None:
    """Remember when a request was sent."""
    MOMENTS.append(start_time)


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def told(**_: object) -> None:
    """Write for how long was asked."""
    seconds = max(MOMENTS) - min(MOMENTS) if MOMENTS else 0.0
    Path(os.environ["LOAD_SECONDS"]).write_text(json.dumps(seconds), encoding="utf-8")


class Person(FastHttpUser):  # type: ignore[misc]
    """Asks for one text at a time."""

    wait_time = constant_throughput(1)
    network_timeout = connection_timeout = 30.0

    def on_start(self) -> None:
        """Wait for this user's share of the first second."""
        time.sleep(next(NUMBERS) % USERS / USERS)

    @task  # type: ignore[untyped-decorator]
    def predict(self) -> None:
        """Ask, and take nothing but a prediction for an answer."""
        with self.client.post(
            "/predict", json={"text": next(TEXTS)}, catch_response=True
        ) as answer:
            if answer.status_code == 200 and "probabilities" not in (answer.text or ""):
                answer.failure("200 without a prediction")
