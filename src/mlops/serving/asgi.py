"""The HTTP side: what this service answers by itself, before BentoML's own routes.

A method of BentoML's costs 1.1 ms of CPU for each request, its mounted routes 0.6 ms; this costs
what the protocol costs. What it does not know (/schema.json of the client, the health checks that
call the service) goes on to BentoML.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from mlops.serving import metrics, openapi, page, request, response
from mlops.serving.errors import RefusedError
from mlops.serving.predictor import Desk
from mlops.serving.request import GoneError, Receive

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Mapping[str, str]

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


class Front:
    """ASGI middleware; `desk()` gives what the worker holds once it has started."""

    def __init__(self, app: App, desk: Callable[[], Desk]) -> None:
        self._app = app
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, count it, and never fail without an answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path, start = scope["path"], time.perf_counter()
        desk = self._desk()
        status = await self._answer(desk, scope, receive, send)
        known = path in METHODS or path in BENTOML
        desk.metrics.answered(path if known else metrics.OTHER, status, time.perf_counter() - start)

    async def _answer(self, desk: Desk, scope: Scope, receive: Receive, send: Send) -> int:
        try:
            self._check_route(scope["path"], scope["method"])
            if scope["path"] in BENTOML:
                return await self._pass_on(scope, receive, send)
            body, kind = await _content(desk, scope, receive)
        except RefusedError as refusal:
            return await _refuse(send, refusal)
        except GoneError:
            return 499  # as nginx calls it: nobody is there to read an answer
        except Exception:
            logger.exception("a request failed")
            failure = RefusedError(
                500, "internal", "the prediction failed; the server's log tells why"
            )
            return await _refuse(send, failure)
        policy = {"content-security-policy": page.POLICY} if body is page.PAGE else {}
        await _send(send, 200, body, {"content-type": kind, **policy})
        return 200

    @staticmethod
    def _check_route(path: str, method: str) -> None:
        methods = METHODS.get(path) or BENTOML.get(path)
        if methods is None:
            raise RefusedError(
                404, "not_found", "there is no such path; / and /docs.json tell what is"
            )
        if method not in methods:
            message = f"{path} takes {', '.join(methods)}"
            refusal = RefusedError(
                405, "wrong_method", message, limit=", ".join(methods), found=method
            )
            raise refusal.with_headers(allow=", ".join(methods))

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> int:
        status = 500

        async def watch(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self._app(scope, receive, watch)
        return status


async def _content(desk: Desk, scope: Scope, receive: Receive) -> tuple[bytes, str]:
    """Return body and content type of an answer."""
    match scope["path"]:
        case "/predict":
            raw = await request.body(scope["headers"], receive, desk.settings)
            with desk.metrics.running.track_inprogress():
                return await desk.respond(raw), JSON
        case "/info":
            return response.encode(desk.info), JSON
        case "/docs.json":
            return response.encode(openapi.describe(desk)), JSON
        case "/metrics":
            return await asyncio.to_thread(desk.metrics.page), metrics.CONTENT_TYPE
        case _:
            return page.PAGE, page.CONTENT_TYPE


async def _refuse(send: Send, refusal: RefusedError) -> int:
    body = response.encode({"error": refusal.error})
    await _send(send, refusal.status, body, {"content-type": JSON, **refusal.headers})
    return refusal.status


async def _send(send: Send, status: int, body: bytes, headers: Headers) -> None:
    lines = [(name.encode(), value.encode()) for name, value in headers.items()]
    lines.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})
