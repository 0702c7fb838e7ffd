"""From the bytes of a request to texts: shape, limits, and what cannot be predicted."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

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


@pytest.mark.parametrize(
    "value",
    [
        None,
        "text",
        [],
        ["text"],
        5,
        {},
        {"txt": "a"},
        {"text": "a", "more": 1},
        {"text": "a", "texts": ["a"]},
        {"text": None},
        {"text": 5},
        {"text": ["a"]},
        {"text": {}},
        {"texts": "a"},
        {"texts": None},
        {"texts": {"a": 1}},
    ],
)
def test_another_shape_is_refused(value: Any) -> None:
    """Wrong types, a missing field, an extra one: what was found is told."""
    with pytest.raises(RefusedError, match=r"expected|must be") as refusal:
        reading.check(value, SETTINGS, True)

    assert (refusal.value.status, refusal.value.error["code"]) == (400, "bad_shape")


def test_too_many_texts_are_refused() -> None:
    """With the limit and the number found."""
    with pytest.raises(RefusedError) as refusal:
        reading.check({"texts": ["a"] * 4}, SETTINGS, True)

    assert refusal.value.status == 422
    assert (refusal.value.error["limit"], refusal.value.error["found"]) == (3, 4)


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ("", "empty_text"),
        (" \t\n\u3000", "empty_text"),
        ("\0", "empty_text"),
        ("x" * 11, "text_too_long"),
        ("\ud800", "lone_surrogate"),
        (None, "not_text"),
        (5, "not_text"),
        (True, "not_text"),
        (["a"], "not_text"),
        ({}, "not_text"),
    ],
)
def test_a_bad_item_is_refused_alone(item: Any, code: str) -> None:
    """Its neighbours in the list are predicted."""
    asked = reading.check({"texts": ["a", item, "b"]}, SETTINGS, True)

    assert [asked.items[0], asked.items[2]] == ["a", "b"]
    assert isinstance(asked.items[1], RefusedError)
    assert (asked.items[1].status, asked.items[1].error["code"]) == (422, code)


def test_a_long_text_is_told_its_length() -> None:
    """Limit and found, as with every limit."""
    (item,) = reading.check({"text": "x" * 11}, SETTINGS, True).items

    assert isinstance(item, RefusedError)
    assert (item.error["limit"], item.error["found"]) == (10, 11)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 10,
        "\u05e9\u05dc\u05d5\u05dd",
        "\u0645\u0631\u062d\u0628\u0627",
        "😀👩\u200d👩",
        "\U0010ffff",
    ],
)
def test_every_script_is_text(text: str) -> None:
    """Right-to-left, emoji with joiners, the last character of Unicode, and the limit itself."""
    assert reading.check({"text": text}, SETTINGS, True).items == [text]


@pytest.mark.parametrize(("preprocessing", "expected"), [(True, "a b"), (False, "a \0 b")])
def test_texts_are_normalised_as_in_training(preprocessing: bool, expected: str) -> None:
    """Where data.preprocessing is on, and only there."""
    assert reading.check({"text": "a \0 b"}, SETTINGS, preprocessing).items == [expected]


def test_an_empty_list_is_a_list() -> None:
    """A program that has nothing to ask gets nothing, not an error."""
    assert reading.check(json.loads('{"texts": []}'), SETTINGS, True).items == []
