"""One request to a service, within a time, and nothing but a response of this service."""

import http.client
import json
import queue
import threading
import urllib.request
from collections.abc import Callable
from typing import Any

from mlops.client import proxy
from mlops.client.address import Address
from mlops.client.failure import unanswered
from mlops.client.response import Response, unlike

PATIENCE = 30.0  # seconds for a whole response: what the service itself allows
MOST = 2**20  # bytes of a response


def fetch(address: Address, path: str, body: Any = None, seconds: float = PATIENCE) -> Response:
    """Ask a path of a service, with JSON where there is some; return any response with a status."""
    between = proxy.between(address)
    request = urllib.request.Request(
        f"{address}{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **address.headers},
    )
    handler = urllib.request.ProxyHandler({address.scheme: between.url} if between else {})
    opener = urllib.request.build_opener(handler, _Answered)
    try:
        return _within(seconds, lambda: _read(opener, request, seconds))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise unanswered(error, address, between, seconds) from None


def ask(
    address: Address, path: str, body: Any = None, *, form: Callable[[Any], bool]
) -> dict[str, Any]:
    """Return the JSON of this form that a service answers with; all else is a ServiceError."""
    response = fetch(address, path, body)
    if response.status != http.client.OK or not form(response.value):
        raise unlike(response, address, path)
    found: dict[str, Any] = response.value
    return found


class _Answered(urllib.request.HTTPErrorProcessor):
    """Takes every status for a response: nothing is followed, nothing raised."""

    def http_response(self, _request: Any, response: Any) -> Any:
        return response

    def https_response(self, _request: Any, response: Any) -> Any:
        return response


def _read(
    opener: urllib.request.OpenerDirector, request: urllib.request.Request, seconds: float
) -> Response:
    with opener.open(request, timeout=seconds) as response:
        body = response.read(MOST + 1)
        if len(body) > MOST:
            raise ValueError(f"more than {MOST:,} bytes")
        if response.length:  # bytes that were announced and never came
            raise http.client.IncompleteRead(body)
        return Response(response.status, response.headers, body)


def _within(seconds: float, function: Callable[[], Response]) -> Response:
    """Return what a function returns; a server that sends a byte now and then is left alone."""
    done: queue.Queue[Response | Exception] = queue.Queue(1)

    def work() -> None:
        try:
            done.put(function())
        except Exception as error:
            done.put(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        found = done.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(found, Exception):
        raise found
    return found
