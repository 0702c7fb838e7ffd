"""From the bytes of a request to its JSON value."""

import asyncio
import gc
import json
import re
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any

from mlops.serving import errors
from mlops.serving.errors import RequestError
from mlops.serving.settings import Settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Headers = Sequence[tuple[bytes, bytes]]
# A body over the limit is read on up to so many times of it, so that the client, still sending,
# hears the response: a connection that is closed with unread bytes in it loses what was sent last.
READ_ON = 8
CHARSET = re.compile(rb';\s*charset\s*=\s*"?([^\s;"]*)', re.IGNORECASE)
UTF8 = (b"utf-8", b"utf8", b"us-ascii")
SMALL = 8192  # bytes, decoded sooner than a thread is asked: in a millisecond at worst
BOM = b"\xef\xbb\xbf"


class GoneError(Exception):
    """The client went away before its request was complete."""


async def read(headers: Headers, receive: Receive, settings: Settings) -> bytes:
    """Read the body, but no more than the limit and no longer than the timeout."""
    length, limit = _check_headers(headers), settings.max_body_bytes
    if length > READ_ON * limit:
        raise errors.too_large(limit, length)
    try:
        async with asyncio.timeout(settings.timeout):
            whole, found = await _read(receive, limit)
    except TimeoutError:
        text = f"the request was not complete after {settings.timeout:g} s"
        error = RequestError(408, "slow_request", text, limit=f"{settings.timeout:g} s")
        raise error.with_headers(connection="close") from None
    if found > limit:
        raise errors.too_large(limit, found)
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
    """Check that it is plain JSON in UTF-8; return the length that the client announces."""
    kind, length = b"", 0
    for name, value in headers:
        if name == b"content-type":
            kind = value
        elif name == b"content-encoding":
            _check_coding(value.strip().lower())
        elif name == b"content-length":
            length = int(value)  # the HTTP parser lets only digits through
    _check_kind(kind)
    return length


def _check_coding(coding: bytes) -> None:
    if coding not in (b"", b"identity"):
        found = coding.decode("latin-1")
        message = f"send the body as it is, without Content-Encoding, found {found}"
        error = RequestError(415, "encoded_body", message, limit="identity", found=found)
        raise error.with_headers(accept_encoding="identity")


def _check_kind(kind: bytes) -> None:
    media = kind.partition(b";")[0].strip().lower()
    if media != b"application/json":
        found = media.decode("latin-1") or "none"
        message = f"send JSON with Content-Type: application/json, found {found}"
        raise RequestError(415, "not_json", message, limit="application/json", found=found)
    charset = CHARSET.search(kind)
    if charset and charset[1].lower() not in UTF8:
        found = charset[1].decode("latin-1")
        message = f"send JSON in UTF-8 and leave charset out, found charset={found}"
        raise RequestError(415, "not_utf8", message, limit="utf-8", found=found)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Raise where a key comes twice in an object: which of the two is meant cannot be known."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise RequestError(400, "bad_json", "a key comes twice in one object")
    return found


DECODER = json.JSONDecoder(object_pairs_hook=_unique)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Pause the garbage collector, which a body of 300,000 lists makes look through them often.

    Every thread waits meanwhile: 0.5 s in all, of which decoding is 0.04.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


async def parse(raw: bytes) -> object:
    """Return the JSON value of a body; the event loop goes on while a large one is decoded."""
    return decode(raw) if len(raw) <= SMALL else await asyncio.to_thread(decode, raw)


def decode(raw: bytes) -> object:
    """Return the JSON value of a body; a byte order mark before it is ignored (RFC 8259, 8.1)."""
    try:
        text = raw.removeprefix(BOM).decode("utf-8")
        with _uncollected():
            return DECODER.decode(text)
    except UnicodeDecodeError as error:
        message = f"the body must be UTF-8, byte {error.start} is not"
        raise RequestError(400, "not_utf8", message) from None
    except RecursionError:
        raise RequestError(400, "bad_json", "the JSON is nested too deep") from None
    except json.JSONDecodeError as error:
        raise RequestError(400, "bad_json", f"the body is not JSON: {error}") from None
    except ValueError:  # Python reads no more, since that takes the square of the digits
        text = "a number in the JSON has more than 4,300 digits"
        raise RequestError(400, "bad_json", text) from None
