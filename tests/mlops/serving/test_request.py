"""From the bytes of a request to its JSON value."""

import asyncio
import contextlib
import gc
from collections.abc import Sequence

import pytest

import toy
from mlops.serving import request
from mlops.serving.errors import RequestError
from mlops.serving.request import GoneError, Message, Receive
from mlops.serving.settings import Settings

SETTINGS = Settings(**toy.settings(max_chars=10, max_items=3, max_body_bytes=1000))
JSON = [(b"content-type", b"application/json")]


def sends(*parts: bytes, ends: bool = True) -> Receive:
    """Return what ASGI calls `receive`, for a body in parts; then the client stays or goes."""
    messages: list[Message] = [
        {"type": "http.request", "body": part, "more_body": not ends or n < len(parts)}
        for n, part in enumerate(parts, 1)
    ]

    async def receive() -> Message:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    return receive


async def read(*parts: bytes, headers: Sequence[tuple[bytes, bytes]] = JSON) -> bytes:
    """Read a body that comes in parts."""
    return await request.read(headers, sends(*parts), SETTINGS)


@pytest.mark.anyio
@pytest.mark.parametrize("parts", [[b"{}"], [b"{", b"}"], [b"", b"{}", b""]])
async def test_a_body_may_come_in_parts(parts: list[bytes]) -> None:
    """However the network cuts it."""
    assert await read(*parts) == b"{}"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("parts", "headers"),
    [
        ([b"x" * 1001], JSON),
        ([b"x" * 600, b"x" * 600], JSON),
        ([b"x" * 500] * 1000, JSON),
        ([], [*JSON, (b"content-length", b"8001")]),
    ],
)
async def test_a_body_over_the_limit_is_refused(
    parts: list[bytes], headers: list[tuple[bytes, bytes]]
) -> None:
    """Announced or not; the refusal tells the limit and what was found."""
    with pytest.raises(RequestError) as error:
        await read(*parts, headers=headers)

    assert error.value.status == 413
    assert error.value.error["limit"] == 1000
    assert error.value.error["found"] > 1000
    assert error.value.headers["connection"] == "close"


@pytest.mark.anyio
@pytest.mark.parametrize(("sent", "left"), [(4, 0), (40, 23)])
async def test_a_body_over_the_limit_is_read_on_for_a_while(sent: int, left: int) -> None:
    """Up to eight times the limit, so that the client hears the answer, and no further."""
    messages: list[Message] = [
        {"type": "http.request", "body": b"x" * 500, "more_body": n > 1} for n in range(sent, 0, -1)
    ]

    async def receive() -> Message:
        return messages.pop(0)

    with pytest.raises(RequestError):
        await request.read(JSON, receive, SETTINGS)

    assert len(messages) == left


@pytest.mark.anyio
async def test_a_client_that_goes_away_is_not_answered() -> None:
    """A truncated body is no request."""
    with pytest.raises(GoneError):
        await request.read(JSON, sends(b'{"text', ends=False), SETTINGS)


@pytest.mark.anyio
@pytest.mark.parametrize("sent", [0, 1])
async def test_a_slow_client_is_not_waited_for(sent: int) -> None:
    """A body, or the rest of it, must come within the timeout."""

    async def receive() -> Message:
        if first:
            return first.pop()
        await never.wait()
        raise AssertionError

    never = asyncio.Event()
    part: Message = {"type": "http.request", "body": b"{", "more_body": True}
    first = [part][:sent]
    with pytest.raises(RequestError) as error:
        await request.read(JSON, receive, SETTINGS.model_copy(update={"timeout": 0.0}))

    assert error.value.status == 408


@pytest.mark.anyio
@pytest.mark.parametrize(
    "headers", [[], [(b"content-type", b"text/plain")], [(b"content-type", b"application/jsonx")]]
)
async def test_only_json_is_read(headers: list[tuple[bytes, bytes]]) -> None:
    """The refusal tells what to send."""
    with pytest.raises(RequestError) as error:
        await read(b"{}", headers=headers)

    assert error.value.status == 415
    assert "application/json" in str(error.value)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "kind",
    [
        b"Application/JSON; charset=utf-8",
        b"application/json;charset=UTF8",
        b'application/json ; odata=x; Charset = "UTF-8"',
        b"application/json; charset=us-ascii",
        b"application/json;",
    ],
)
async def test_json_may_name_its_encoding(kind: bytes) -> None:
    """As many clients do."""
    assert await read(b"{}", headers=[(b"content-type", kind)]) == b"{}"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "charset", [b"utf-16", b"UTF-16LE", b"iso-8859-1", b'"windows-1252"', b"\xff", b""]
)
async def test_another_encoding_is_refused(charset: bytes) -> None:
    """It would be read as UTF-8 in silence."""
    with pytest.raises(RequestError) as error:
        await read(b"{}", headers=[(b"content-type", b"application/json; charset=" + charset)])

    assert (error.value.status, error.value.error["code"]) == (415, "not_utf8")


@pytest.mark.anyio
@pytest.mark.parametrize("coding", [b"gzip", b"deflate", b"br", b"zstd", b"GZIP ", b"gzip, br"])
async def test_a_compressed_body_is_refused(coding: bytes) -> None:
    """With the header that tells what would be taken (RFC 9110, 15.5.16)."""
    with pytest.raises(RequestError, match="Content-Encoding") as error:
        await read(b"{}", headers=[*JSON, (b"content-encoding", coding)])

    assert (error.value.status, error.value.error["code"]) == (415, "encoded_body")
    assert error.value.headers == {"accept-encoding": "identity"}


@pytest.mark.anyio
@pytest.mark.parametrize("coding", [b"identity", b"Identity", b""])
async def test_no_coding_may_be_named(coding: bytes) -> None:
    """It changes nothing."""
    assert await read(b"{}", headers=[*JSON, (b"content-encoding", coding)]) == b"{}"


def test_a_byte_order_mark_is_ignored() -> None:
    """Windows tools write it; one, before all else."""
    assert request.decode(b'\xef\xbb\xbf{"text": "a"}') == {"text": "a"}
    with pytest.raises(RequestError):
        request.decode(b'\xef\xbb\xbf\xef\xbb\xbf{"text": "a"}')


@pytest.mark.parametrize(
    "raw",
    [b'{"text": "a", "text": "b"}', b'{"texts": [{"a": 1, "a": 1}]}', b'{"a": 1, "\\u0061": 2}'],
)
def test_a_key_that_comes_twice_is_refused(raw: bytes) -> None:
    """Python would take the last, others the first."""
    with pytest.raises(RequestError, match="twice"):
        request.decode(raw)


def test_a_long_number_is_told_as_such() -> None:
    """Not with Python's advice to who wrote the service."""
    with pytest.raises(RequestError, match="digits") as error:
        request.decode(b"9" * 5000)

    assert "sys." not in str(error.value)


@pytest.mark.parametrize("raw", [b"{}", b"{"])
def test_garbage_is_collected_afterwards(raw: bytes) -> None:
    """Also after a body that is none."""
    with contextlib.suppress(RequestError):
        request.decode(raw)

    assert gc.isenabled()


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "bad_json"),
        (b"{", "bad_json"),
        (b"[" * 10_000, "bad_json"),
        (b"[" * 10_000 + b"]" * 10_000, "bad_json"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "bad_json"),
        (b"9" * 5000, "bad_json"),
        (b'{"text": "\xff"}', "not_utf8"),
        (b'{"text": "\xed\xa0\x80"}', "not_utf8"),
        ('{"text": "a"}'.encode("utf-16"), "not_utf8"),
    ],
)
def test_what_is_not_json_is_refused(raw: bytes, code: str) -> None:
    """With a code of its own, and without a crash."""
    with pytest.raises(RequestError) as error:
        request.decode(raw)

    assert (error.value.status, error.value.error["code"]) == (400, code)
