"""From the bytes of a request to its JSON value."""

import asyncio
from collections.abc import Sequence

import pytest

import toy
from ml.serving import reading
from ml.serving.reading import GoneError, Message, Receive
from ml.serving.refusal import RefusedError
from ml.serving.settings import Settings

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
    return await reading.body(headers, sends(*parts), SETTINGS)


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
    with pytest.raises(RefusedError) as refusal:
        await read(*parts, headers=headers)

    assert refusal.value.status == 413
    assert refusal.value.error["limit"] == 1000
    assert refusal.value.error["found"] > 1000
    assert refusal.value.headers["connection"] == "close"


@pytest.mark.anyio
@pytest.mark.parametrize(("sent", "left"), [(4, 0), (40, 23)])
async def test_a_body_over_the_limit_is_read_on_for_a_while(sent: int, left: int) -> None:
    """Up to eight times the limit, so that the client hears the answer, and no further."""
    messages: list[Message] = [
        {"type": "http.request", "body": b"x" * 500, "more_body": n > 1} for n in range(sent, 0, -1)
    ]

    async def receive() -> Message:
        return messages.pop(0)

    with pytest.raises(RefusedError):
        await reading.body(JSON, receive, SETTINGS)

    assert len(messages) == left


@pytest.mark.anyio
async def test_a_client_that_goes_away_is_not_answered() -> None:
    """A truncated body is no request."""
    with pytest.raises(GoneError):
        await reading.body(JSON, sends(b'{"text', ends=False), SETTINGS)


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
    with pytest.raises(RefusedError) as refusal:
        await reading.body(JSON, receive, SETTINGS.model_copy(update={"timeout": 0.0}))

    assert refusal.value.status == 408


@pytest.mark.anyio
@pytest.mark.parametrize(
    "headers", [[], [(b"content-type", b"text/plain")], [(b"content-type", b"application/jsonx")]]
)
async def test_only_json_is_read(headers: list[tuple[bytes, bytes]]) -> None:
    """The refusal tells what to send."""
    with pytest.raises(RefusedError) as refusal:
        await read(b"{}", headers=headers)

    assert refusal.value.status == 415
    assert "application/json" in str(refusal.value)


@pytest.mark.anyio
async def test_json_may_name_its_encoding() -> None:
    """As many clients do."""
    headers = [(b"content-type", b"Application/JSON; charset=utf-8")]

    assert await read(b"{}", headers=headers) == b"{}"


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
        (b'\xef\xbb\xbf{"text": "a"}', "bad_json"),
    ],
)
def test_what_is_not_json_is_refused(raw: bytes, code: str) -> None:
    """With a code of its own, and without a crash."""
    with pytest.raises(RefusedError) as refusal:
        reading.parse(raw)

    assert (refusal.value.status, refusal.value.error["code"]) == (400, code)
