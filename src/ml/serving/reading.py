"""From the bytes of a request to texts, each with its own refusal where it cannot be predicted."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml.serving import refusal
from ml.serving.refusal import RefusedError
from ml.serving.settings import Settings
from ml.serving.wording import normalise

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Headers = Sequence[tuple[bytes, bytes]]
# A body over the limit is read on up to so many times of it, so that the client, still sending,
# hears the answer: a connection that is closed with unread bytes in it loses what was sent last.
READ_ON = 8
SHAPE = '{"text": "..."} or {"texts": ["...", "..."]}'


class GoneError(Exception):
    """The client went away before its request was complete."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks: for each text either its normalised form or why it is refused."""

    items: list[str | RefusedError]
    single: bool


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


def check(value: object, settings: Settings, preprocessing: bool) -> Asked:
    """Check shape and limits."""
    if not isinstance(value, dict) or len(value) != 1 or not value.keys() <= {"text", "texts"}:
        raise RefusedError(400, "bad_shape", f"expected {SHAPE}, found {_describe(value)}")
    name, content = next(iter(value.items()))
    if name == "text":
        if not isinstance(content, str):
            raise RefusedError(400, "bad_shape", f"text must be a string, found {_kind(content)}")
        return Asked([_text(content, settings, preprocessing)], single=True)
    if not isinstance(content, list):
        raise RefusedError(400, "bad_shape", f"texts must be a list, found {_kind(content)}")
    if len(content) > settings.max_items:
        raise refusal.too_many(settings.max_items, len(content))
    return Asked([_text(item, settings, preprocessing) for item in content], single=False)


def _text(item: object, settings: Settings, preprocessing: bool) -> str | RefusedError:
    """Return the text as the model shall see it, or why it cannot."""
    if not isinstance(item, str):
        return RefusedError(422, "not_text", f"a text must be a string, found {_kind(item)}")
    if len(item) > settings.max_chars:
        return refusal.too_long(settings.max_chars, len(item))
    if not item.isascii():
        try:
            item.encode()
        except UnicodeEncodeError as error:
            message = f"character {error.start} is half of a surrogate pair, which is no text"
            return RefusedError(422, "lone_surrogate", message)
    text = normalise(item) if preprocessing else item
    if not text.strip():
        return RefusedError(422, "empty_text", "a text needs at least one visible character")
    return text


def _describe(value: object) -> str:
    if not isinstance(value, dict):
        return _kind(value)
    names = ", ".join(repr(name)[:30] for name in list(value)[:5])
    return f"an object with {names}" if names else "an empty object"


def _kind(value: object) -> str:
    """Return what JSON calls the type of a value."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    return "null" if value is None else names.get(type(value), "a number")
