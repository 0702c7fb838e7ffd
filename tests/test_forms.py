"""From the JSON value of a request to texts: shape, limits, and what cannot be predicted."""

import json
from typing import Any

import pytest

import toy
from ml.api.schemas import FORMS
from mlops.serving import schemas
from mlops.serving.errors import RequestError
from mlops.serving.schemas import Form
from mlops.serving.settings import Settings

SETTINGS = Settings(**toy.settings(max_chars=10, max_items=3, max_body_bytes=1000))


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
    with pytest.raises(RequestError, match=r"expected|must be") as error:
        schemas.check(value, SETTINGS, True)

    assert (error.value.status, error.value.error["code"]) == (400, "bad_shape")


def test_too_many_texts_are_refused() -> None:
    """With the limit and the number found."""
    with pytest.raises(RequestError) as error:
        schemas.check({"texts": ["a"] * 4}, SETTINGS, True)

    assert error.value.status == 422
    assert (error.value.error["limit"], error.value.error["found"]) == (3, 4)


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
    request = schemas.check({"texts": ["a", item, "b"]}, SETTINGS, True)

    assert [request.items[0], request.items[2]] == ["a", "b"]
    assert isinstance(request.items[1], RequestError)
    assert (request.items[1].status, request.items[1].error["code"]) == (422, code)


def test_a_long_text_is_told_its_length() -> None:
    """Limit and found, as with every limit."""
    (item,) = schemas.check({"text": "x" * 11}, SETTINGS, True).items

    assert isinstance(item, RequestError)
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
    assert schemas.check({"text": text}, SETTINGS, True).items == [text]


@pytest.mark.parametrize(("preprocessing", "expected"), [(True, "a b"), (False, "a \0 b")])
def test_texts_are_normalised_as_in_training(preprocessing: bool, expected: str) -> None:
    """Where data.preprocessing is on, and only there."""
    assert schemas.check({"text": "a \0 b"}, SETTINGS, preprocessing).items == [expected]


def test_an_empty_list_is_a_list() -> None:
    """A program that has nothing to ask gets nothing, not an error."""
    assert schemas.check(json.loads('{"texts": []}'), SETTINGS, True).items == []


def test_a_form_of_several_fields_asks_for_one_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each field is checked as a text of its own; braces in it are text."""
    monkeypatch.setitem(FORMS, "Two", Form("", ("a", "b"), "{}: {}"))

    assert schemas.check({"a": " x ", "b": "{0}"}, SETTINGS, True) == schemas.Request(
        ["x: {0}"], True
    )
    (item,) = schemas.check({"a": "x", "b": "y" * 11}, SETTINGS, True).items
    assert isinstance(item, RequestError)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_example_of_a_form_has_that_form(form: Form) -> None:
    """What the description shows as an example is no other form, and predicted."""
    request = schemas.check(schemas.example(form, "a", ""), SETTINGS, True)

    assert request.single is not form.many
    assert isinstance(request.items[0], str)
