"""Requests on a schedule that no answer delays, sent by Locust in the environment of CI's tools.

The plan says when each request is due, and a greenlet of its own sends it then, whatever became of
the earlier ones. Its latency counts from the moment it was due: a service that stands
still keeps waiting all that were due meanwhile, not only those that a busy user got round to.

Reads: LOAD_PLAN (a JSON file: url, due, timeout, texts, headers, proxy)
Writes: LOAD_RECORD (a JSON file), what mlops.client.load_outcome reads
"""

import json
import os
import ssl
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import gevent
from geventhttpclient import HTTPClient  # type: ignore[import-not-found]
from geventhttpclient.response import HTTPConnectionClosed  # type: ignore[import-not-found]
from locust import User, task

PLAN = json.loads(Path(os.environ["LOAD_PLAN"]).read_text(encoding="utf-8"))
HEADERS = {"Content-Type": "application/json", **PLAN["headers"]}
RESOLUTION = 0.002  # seconds; gevent wakes up to a millisecond late
PATH = f"{urlsplit(PLAN['url']).path}/predict"


def client() -> HTTPClient:
    """Return a client with room for every request at once, and the certificates of this machine."""
    proxy: dict[str, Any] = {}
    if PLAN["proxy"]:
        parts = urlsplit(PLAN["proxy"])
        proxy = {"proxy_host": parts.hostname, "proxy_port": parts.port or 80}
        if parts.username:
            proxy["proxy_user"] = unquote(parts.username)
            proxy["proxy_password"] = unquote(parts.password or "")
    return HTTPClient.from_url(
        PLAN["url"],
        concurrency=len(PLAN["due"]),
        connection_timeout=PLAN["timeout"],
        network_timeout=PLAN["timeout"],
        ssl_context_factory=lambda cafile=None: ssl.create_default_context(),
        **proxy,
    )


def asked(http: HTTPClient, text: str) -> str:
    """Ask once; return why that gave no prediction, nothing where it did."""
    body = json.dumps({"text": text}).encode()
    try:
        # Of the whole request: a server may send a byte now and then.
        with gevent.Timeout(PLAN["timeout"]):
            response = http.request("POST", PATH, body=body, headers=HEADERS)
            content = response.read()
    except (gevent.Timeout, TimeoutError):
        return f"no answer within {PLAN['timeout']:g} s"
    except HTTPConnectionClosed:
        return "the connection was closed without an answer"
    except (OSError, RuntimeError, ValueError) as error:
        return str(getattr(error, "strerror", None) or error)
    if response.get_code() != 200:
        return f"status {response.get_code()}"
    return "" if b'"probabilities"' in content else "status 200 without a prediction"


class Schedule(User):  # type: ignore[misc]
    """Sends every request of the plan, waits for the last answer, and ends the test."""

    def ask(self, http: HTTPClient, number: int, due: float) -> list[Any]:
        """Send a request that is due; return when it was sent, when it ended, and why it failed."""
        sent = time.monotonic()
        reason = asked(http, PLAN["texts"][number % len(PLAN["texts"])])
        ended = time.monotonic()
        self.environment.events.request.fire(
            request_type="POST", name="/predict", response_time=1000 * (ended - due),
            response_length=0, exception=RuntimeError(reason) if reason else None, context={},
        )  # fmt: skip
        return [due, sent, ended, reason]

    @task  # type: ignore[untyped-decorator]
    def run_plan(self) -> None:
        """Start each request when it is due."""
        http, started = client(), []
        first = time.monotonic()
        for number, seconds in enumerate(PLAN["due"]):
            due = first + seconds
            gevent.sleep(max(0.0, due - time.monotonic() - RESOLUTION))
            while time.monotonic() < due:
                gevent.sleep(0)
            started.append(gevent.spawn(self.ask, http, number, due))
        gevent.joinall(started)
        record = json.dumps([greenlet.value for greenlet in started])
        Path(os.environ["LOAD_RECORD"]).write_text(record, encoding="utf-8")
        gevent.spawn(self.environment.runner.quit)
        gevent.sleep(PLAN["timeout"])  # until the runner ends this user: the plan is run once
