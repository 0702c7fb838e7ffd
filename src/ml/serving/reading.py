"""From the bytes of a request to its JSON value."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from ml.serving import refusal
from ml.serving.refusal import RefusedError
from ml.serving.settings import Settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Headers = Sequence[tuple[bytes, bytes]]
# A body over the limit is read on up to so many times of it, so that the client, still sending,
# hears the answer: a connection that is closed with unread bytes in it loses what was sent last.
READ_ON = 8


class GoneError(Exception):
    """The client went away before its request was complete."""


async def body(headers: Headers, receive: Receive, settings: Settings) -> bytes:
    """Read the body, but no more than the limit and no longer than the timeout."""
    length, limit = _check_headers(headers), settings.max_body_bytes
    if length > READ_ON * limit:
        raise refusal.too_large(limit, length)
    try:
        async with asyncio.timeout(settings.timeout):
            whole, found = await _read(receive, limit)
    except TimeoutError:
        text = f"the request was not complete after {settings.timeout:g} s"
        error = RefusedError(408, "slow_request", text, limit=f"{settings.timeout:g} s")
        raise error.with_headers(connection="close") from None
    if found > limit:
        raise refusal.too_large(limit, found)
    return whole


async def _read(receive: Receive, limit: int) -> tuple[bytes, int]:
    """Return the body and its size; of a larger one the size so far, and nothing is kept."""
    parts: list[bytes] = []
    found = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise GoneError
        found += len(message["body"])
        if found <= limit:
            parts.append(message["body"])
        if not message.get("more_body") or found > READ_ON * limit:
            return b"".join(parts), found


def _check_headers(headers: Headers) -> int:
    """Refuse what is not JSON; return the length that the client announces."""
    kind, length = b"", 0
    for name, value in headers:
        if name == b"content-type":
            kind = value.partition(b";")[0].strip().lower()
        elif name == b"content-length":
            length = int(value)  # the HTTP parser lets only digits through
    if kind != b"application/json":
        found = kind.decode("latin-1") or "none"
        message = f"send JSON with Content-Type: application/json, found {found}"
        raise RefusedError(415, "not_json", message, limit="application/json", found=found)
    return length


def parse(raw: bytes) -> object:
    """Return the JSON value of a body."""
    try:
        return json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        message = f"the body must be UTF-8, byte {error.start} is not"
        raise RefusedError(400, "not_utf8", message) from None
    except RecursionError:
        raise RefusedError(400, "bad_json", "the JSON is nested too deep") from None
    except ValueError as error:
        raise RefusedError(400, "bad_json", f"the body is not JSON: {error}") from None
