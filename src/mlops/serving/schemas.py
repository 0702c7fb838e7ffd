"""From the JSON value of a request to the texts in it, by the forms that the project names."""

import json
from dataclasses import dataclass

from mlops.core.project import project
from mlops.serving import errors
from mlops.serving.errors import RefusedError
from mlops.serving.settings import Settings


@dataclass(frozen=True, slots=True)
class Form:
    """An object with exactly these fields, of which each is a text, or one is a list of texts."""

    summary: str
    fields: tuple[str, ...]
    join: str = "{}"  # how the texts of several fields become the one that is classified
    many: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks: for each text either its normalised form or why it is refused."""

    items: list[str | RefusedError]
    single: bool


def check(value: object, settings: Settings, preprocessing: bool) -> Asked:
    """Find the form of a request; check it, and each text against the limits."""
    forms = project().requests().values()
    found = value.keys() if isinstance(value, dict) else None
    form = next((one for one in forms if set(one.fields) == found), None)
    if form is None or not isinstance(value, dict):
        shapes = " or ".join(json.dumps(example(one, "...", "...")) for one in forms)
        raise RefusedError(400, "bad_shape", f"expected {shapes}, found {_describe(value)}")
    kind, called = (list, "a list") if form.many else (str, "a string")
    for name in form.fields:
        if not isinstance(value[name], kind):
            message = f"{name} must be {called}, found {_kind(value[name])}"
            raise RefusedError(400, "bad_shape", message)
    if form.many:
        return _many(value[form.fields[0]], settings, preprocessing)
    texts = [_text(value[name], settings, preprocessing) for name in form.fields]
    refused = next((text for text in texts if isinstance(text, RefusedError)), None)
    return Asked([refused or form.join.format(*texts)], single=True)


def example(form: Form, *texts: str) -> dict[str, str | list[str]]:
    """Return a request of a form: the first text in each field, or all of them in its list."""
    return {name: list(texts) if form.many else texts[0] for name in form.fields}


def _many(items: list[object], settings: Settings, preprocessing: bool) -> Asked:
    if len(items) > settings.max_items:
        raise errors.too_many(settings.max_items, len(items))
    return Asked([_text(item, settings, preprocessing) for item in items], single=False)


def _text(item: object, settings: Settings, preprocessing: bool) -> str | RefusedError:
    """Return the text as the model shall see it, or why it cannot."""
    if not isinstance(item, str):
        return RefusedError(422, "not_text", f"a text must be a string, found {_kind(item)}")
    if len(item) > settings.max_chars:
        return errors.too_long(settings.max_chars, len(item))
    if not item.isascii():
        try:
            item.encode()
        except UnicodeEncodeError as error:
            message = f"character {error.start} is half of a surrogate pair, which is no text"
            return RefusedError(422, "lone_surrogate", message)
    text = project().normalise(item) if preprocessing else item
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
