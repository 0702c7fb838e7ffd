"""Those who ask the service, run by Locust in the environment of CI's tools.

Each user asks once a second, whatever the last answer took, at a moment of the second of its own,
so that all together ask at an even rate. Locust's constant_throughput would count the wait before
the first request as a part of it, and all would ask at once from the second request on.

Reads: LOAD_USERS, LOAD_TEXTS (a JSON file with a list of texts), LOAD_SECONDS (for how long)
Writes: LOAD_OUTCOME (a JSON file), what ml.loading.outcome reads
"""

import itertools
import json
import os
import time
from pathlib import Path

import gevent
from locust import FastHttpUser, events, task
from locust.env import Environment

USERS = int(os.environ["LOAD_USERS"])
TEXTS = itertools.cycle(json.loads(Path(os.environ["LOAD_TEXTS"]).read_text(encoding="utf-8")))
NUMBERS = itertools.count()
MOMENTS: list[float] = []


@events.init.add_listener  # type: ignore[untyped-decorator]
def timed(environment: Environment, **_: object) -> None:
    """End the test; Locust's own clock would count its start, seconds on a busy machine."""

    @environment.events.spawning_complete.add_listener  # type: ignore[untyped-decorator]
    def all_there(**_: object) -> None:
        gevent.spawn_later(float(os.environ["LOAD_SECONDS"]), environment.runner.quit)


@events.request.add_listener  # type: ignore[untyped-decorator]
def asked(start_time: float, **_: object) -> None:
    """Remember when a request was sent."""
    MOMENTS.append(start_time)


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def told(environment: Environment, **_: object) -> None:
    """Write what was found; Locust's own tables miss the answers of the last moment."""
    total = environment.stats.total
    quantiles = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    found = {
        "requests": total.num_requests,
        "failures": total.num_failures,
        "milliseconds": {
            name: float(total.get_response_time_percentile(share))
            for name, share in quantiles.items()
            if MOMENTS
        },
        "reasons": {
            str(error.error): error.occurrences for error in environment.stats.errors.values()
        },
        "seconds": max(MOMENTS) - min(MOMENTS) if MOMENTS else 0.0,
    }
    Path(os.environ["LOAD_OUTCOME"]).write_text(json.dumps(found), encoding="utf-8")


class Person(FastHttpUser):  # type: ignore[misc]
    """Asks for one text at a time."""

    network_timeout = connection_timeout = 30.0

    def on_start(self) -> None:
        """Wait for this user's share of the first second."""
        share = next(NUMBERS) % USERS / USERS
        self.due = time.monotonic() + share
        time.sleep(share)

    def wait_time(self) -> float:
        """Return the seconds to this user's next moment; none where an answer was late."""
        self.due += 1.0
        return max(0.0, self.due - time.monotonic())

    @task  # type: ignore[untyped-decorator]
    def predict(self) -> None:
        """Ask, and take nothing but a prediction for an answer."""
        with self.client.post(
            "/predict", json={"text": next(TEXTS)}, catch_response=True
        ) as answer:
            if answer.status_code == 200 and "probabilities" not in (answer.text or ""):
                answer.failure("200 without a prediction")
