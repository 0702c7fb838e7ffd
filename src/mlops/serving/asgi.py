"""The HTTP side: the routes that this service answers by itself, before BentoML's own.

A method of BentoML's costs 1.1 ms of CPU for each request, its mounted routes 0.6 ms; this costs
what the protocol costs. What it does not know (/schema.json of the client, the health checks that
call the service) goes on to BentoML.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mlops.serving import counts, metrics, openapi, page, request, response, schemas
from mlops.serving.balance import Balance
from mlops.serving.errors import RequestError
from mlops.serving.predictor import Predictor
from mlops.serving.request import GoneError, Receive
from mlops.serving.request_log.log import RequestLog

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

JSON = "application/json"
GET = ("GET", "HEAD")
METHODS = {
    "/predict": ("POST",),
    "/": GET,
    "/info": GET,
    "/docs.json": GET,
    "/metrics": GET,
}
BENTOML = {"/schema.json": GET, "/livez": GET, "/readyz": GET, "/healthz": GET}

logger = logging.getLogger("bentoml.serve")


@dataclass(frozen=True)
class Endpoint:
    """The service's method that answers /predict, and what stands around it in this worker."""

    predict: Callable[..., Awaitable[dict[str, Any]]]
    predictor: Predictor
    balance: Balance = field(default_factory=Balance)
    log: RequestLog | None = None


class Http:
    """ASGI middleware; `endpoint()` is asked once, by the first request."""

    def __init__(self, app: App, endpoint: Callable[[], Endpoint]) -> None:
        self._app = app
        self._find_endpoint = endpoint

    @cached_property
    def _endpoint(self) -> Endpoint:
        return self._find_endpoint()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, count it, and never fail without an answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path, start = scope["path"], time.perf_counter()
        status = await self._respond(scope, receive, send)
        label = path if path in METHODS or path in BENTOML else counts.OTHER
        self._endpoint.predictor.metrics.requests.count(label, status, time.perf_counter() - start)

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> int:
        try:
            _check_route(scope["path"], scope["method"])
            if scope["path"] in BENTOML:
                return await self._pass_on(scope, receive, send)
            body, headers = await self._content(scope, receive)
        except RequestError as error:
            return await self._refuse(send, error)
        except GoneError:
            return 499  # as nginx calls it: nobody is there to read a response
        except Exception:
            logger.exception("a request failed")
            message = "the prediction failed; the server's log says why"
            return await self._refuse(send, RequestError(500, "internal", message))
        return await _send(send, 200, body, headers)

    async def _refuse(self, send: Send, error: RequestError) -> int:
        self._endpoint.predictor.metrics.requests.refuse(error.error["code"])
        body = response.encode({"error": error.error})
        return await _send(send, error.status, body, {"content-type": JSON, **error.headers})

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> int:
        status = 500

        async def watch(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self._app(scope, receive, watch)
        return status

    async def _content(self, scope: Scope, receive: Receive) -> tuple[bytes, Mapping[str, str]]:
        """Return body and headers of a response."""
        predictor, balance = self._endpoint.predictor, self._endpoint.balance
        match scope["path"]:
            case "/predict":
                raw = await request.read(scope["headers"], receive, predictor.settings)
                with balance, predictor.metrics.requests.running.track_inprogress():
                    form, fields = schemas.find_form(await request.parse(raw))
                    found = await self._endpoint.predict(**fields)
                    headers = {"content-type": JSON, **balance.headers()}
                if log := self._endpoint.log:
                    headers |= log.put(scope["headers"], form, fields, found, len(raw))
                return response.encode(found), headers
            case "/info":
                return response.encode(predictor.info), {"content-type": JSON}
            case "/docs.json":
                return response.encode(openapi.describe(predictor)), {"content-type": JSON}
            case "/metrics":
                text = await asyncio.to_thread(predictor.metrics.export)
                return text, {"content-type": metrics.CONTENT_TYPE}
            case _:
                return page.PAGE, page.HEADERS


def _check_route(path: str, method: str) -> None:
    methods = METHODS.get(path) or BENTOML.get(path)
    if methods is None:
        message = "there is no such path; / and /docs.json show those that exist"
        raise RequestError(404, "not_found", message)
    if method not in methods:
        allowed = ", ".join(methods)
        message = f"{path} takes {allowed}"
        error = RequestError(405, "wrong_method", message, limit=allowed, found=method)
        raise error.with_headers(allow=allowed)


async def _send(send: Send, status: int, body: bytes, headers: Mapping[str, str]) -> int:
    lines = [(name.encode(), value.encode()) for name, value in headers.items()]
    lines.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})
    return status
