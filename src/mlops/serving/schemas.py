"""From the JSON value of a request to the texts in it, by the forms that the project names."""

import json
from dataclasses import dataclass
from typing import Any

from mlops.core.project import project
from mlops.serving import errors
from mlops.serving.errors import RequestError
from mlops.serving.settings import Settings


@dataclass(frozen=True, slots=True)
class Form:
    """An object with exactly these fields, of which each is a text, or one is a list of texts."""

    summary: str
    fields: tuple[str, ...]
    join: str = "{}"  # how the texts of several fields become the one that is classified
    many: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """A checked request: for each text either its normalised form or what is wrong with it."""

    items: list[str | RequestError]
    single: bool

    @property
    def texts(self) -> list[str]:
        """The texts to predict."""
        return [item for item in self.items if isinstance(item, str)]

    @property
    def error(self) -> RequestError | None:
        """What is wrong with the only text; a list has its errors in the place of items."""
        item = self.items[0] if self.single else None
        return item if isinstance(item, RequestError) else None


def find_form(value: object) -> tuple[Form, dict[str, Any]]:
    """Return the form of a request and its fields."""
    forms = project().requests().values()
    if isinstance(value, dict):
        for form in forms:
            if value.keys() == set(form.fields):
                _check_types(form, value)
                return form, value
    shapes = " or ".join(json.dumps(example(one, "...", "...")) for one in forms)
    raise RequestError(400, "bad_shape", f"expected {shapes}, found {_describe(value)}")


def check(value: object, settings: Settings, preprocessing: bool) -> Request:
    """Check the form of a request, and each text against the limits."""
    form, fields = find_form(value)
    if form.many:
        return _check_list(fields[form.fields[0]], settings, preprocessing)
    texts = [_check_text(fields[name], settings, preprocessing) for name in form.fields]
    error = next((text for text in texts if isinstance(text, RequestError)), None)
    return Request([error or form.join.format(*texts)], single=True)


def example(form: Form, *texts: str) -> dict[str, str | list[str]]:
    """Return a request of a form: the first text in each field, or all of them in its list."""
    return {name: list(texts) if form.many else texts[0] for name in form.fields}


def _check_types(form: Form, fields: dict[str, Any]) -> None:
    kind, name_of_kind = (list, "a list") if form.many else (str, "a string")
    for name in form.fields:
        if not isinstance(fields[name], kind):
            message = f"{name} must be {name_of_kind}, found {_name_type(fields[name])}"
            raise RequestError(400, "bad_shape", message)


def _check_list(items: list[object], settings: Settings, preprocessing: bool) -> Request:
    if len(items) > settings.max_items:
        raise errors.too_many(settings.max_items, len(items))
    return Request([_check_text(item, settings, preprocessing) for item in items], single=False)


def _check_text(item: object, settings: Settings, preprocessing: bool) -> str | RequestError:
    """Return the text as the model shall see it, or what is wrong with it."""
    if not isinstance(item, str):
        return RequestError(422, "not_text", f"a text must be a string, found {_name_type(item)}")
    if len(item) > settings.max_chars:
        return errors.too_long(settings.max_chars, len(item))
    if not item.isascii():
        try:
            item.encode()
        except UnicodeEncodeError as error:
            message = f"character {error.start} is half of a surrogate pair, which is no text"
            return RequestError(422, "lone_surrogate", message)
    text = project().normalise(item) if preprocessing else item
    if not text.strip():
        return RequestError(422, "empty_text", "a text needs at least one visible character")
    return text


def _describe(value: object) -> str:
    if not isinstance(value, dict):
        return _name_type(value)
    names = ", ".join(repr(name)[:30] for name in list(value)[:5])
    return f"an object with {names}" if names else "an empty object"


def _name_type(value: object) -> str:
    """Return what JSON calls the type of a value."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    return "null" if value is None else names.get(type(value), "a number")
