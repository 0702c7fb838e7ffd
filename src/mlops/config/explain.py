"""Turn the schema's complaints into sentences: place, key, expected, found, the name meant."""

import json
import os
import re

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mlops.config.keys import Key, dotted, nullable, paths, section_at
from mlops.config.origin import Layers, Origin, around, find
from mlops.config.renamed import RENAMED
from mlops.core.errors import ConfigError
from mlops.core.names import nearest

EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a section of `key: value` lines",
    "model_type": "a section of `key: value` lines",
    "model_attributes_type": "a section of `key: value` lines",
    "literal_error": "{expected}",
    "string_too_short": "text that is not empty",
    "too_short": "a list of at least {min_length}",
    "greater_than": "a number greater than {gt:g}",
    "greater_than_equal": "a number of at least {ge:g}",
    "less_than": "a number less than {lt:g}",
    "less_than_equal": "a number of at most {le:g}",
    "missing": "a value",
    "invalid_key": "a text as key",
}


def complaint(problems: list[str], where: str = "the configuration") -> ConfigError:
    """Put all problems into one error."""
    if len(problems) == 1:
        return ConfigError(problems[0])
    lines = "".join(f"\n  {problem}" for problem in problems)
    return ConfigError(f"{where} has {len(problems)} problems:{lines}")


def explain(
    error: ValidationError, schema: type[BaseModel], values: object, layers: Layers
) -> dict[Key, str]:
    """Return one sentence for each key that the schema refuses."""
    grouped: dict[Key, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        grouped.setdefault(_key(detail, values), []).append(detail)
    return {key: _sentence(key, details, schema, layers) for key, details in grouped.items()}


def _key(detail: ErrorDetails, values: object) -> Key:
    """Cut off what pydantic adds to the location: branches of unions and the like."""
    key: list[str | int] = []
    here = values
    for step in detail["loc"]:
        if isinstance(here, dict) and step in here:
            here = here[step]
        elif isinstance(here, list) and step in range(len(here)):
            here = here[int(step)]
        elif not (isinstance(here, dict) and detail["type"] == "missing"):
            break
        key.append(step)
    return tuple(key)


def _sentence(
    key: Key, details: list[ErrorDetails], schema: type[BaseModel], layers: Layers
) -> str:
    first = details[0]
    if first["type"] == "value_error":
        return _rule(key, first["msg"].removeprefix("Value error, "), schema, layers)
    place = f"{around(layers, key).place}: {dotted(key)}"
    if first["type"] == "extra_forbidden":
        if new := RENAMED.get(dotted(key)):
            return f"{place}: was renamed; write {new}, or let `make migrate` write it everywhere"
        return f"{place}: unknown key; {_meant(key, schema)}"
    expected = [_expected(detail) for detail in details]
    if nullable(key, schema):
        expected.append("null")
    found = "nothing" if first["type"] == "missing" else _shown(first["input"])
    hint = _hint(details, first["input"], find(layers, key))
    return f"{place}: expected {' or '.join(dict.fromkeys(expected))}, found {found}{hint}"


def _rule(key: Key, rule: str, schema: type[BaseModel], layers: Layers) -> str:
    """Tell a rule between keys at the strongest place that sets one of them."""
    words = re.findall(r"\w+(?:\.\w+)*", rule)
    section = section_at(schema, key)
    local = [(*key, word) for word in words if section and word in section.model_fields]
    named = [*local, *(tuple(word.split(".")) for word in words if "." in word)]
    for layer in layers:
        for candidate in named:
            if origin := layer.find(candidate):
                return ": ".join(filter(None, (origin.place, dotted(key), rule)))
    return ": ".join(filter(None, (around(layers, key).place, dotted(key), rule)))


def _expected(detail: ErrorDetails) -> str:
    template = EXPECTED.get(detail["type"])
    if template is None:
        return detail["msg"].removeprefix("Input should be ")
    return template.format(**detail.get("ctx", {}))


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "a section"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _hint(details: list[ErrorDetails], value: object, origin: Origin | None) -> str:
    """Say what to do next about the commonest slips."""
    kinds = {detail["type"] for detail in details}
    raw = origin.raw if origin else ""
    if isinstance(value, str):
        return _hint_for_text(details, value, raw)
    if details[0]["loc"][-1] == "[key]":
        return "; put the key in quotes"
    if "string_type" not in kinds or not isinstance(value, int | float):
        return ""
    if variable := re.search(r"\$\{([A-Z_][A-Z0-9_]*)(?::-([^{}]*))?\}", raw):
        text = os.environ.get(variable[1]) or variable[2] or value
        return f"; to stay text it needs quotes inside the variable: '\"{text}\"'"
    return f'; put it in quotes: "{raw or value}"'


def _hint_for_text(details: list[ErrorDetails], text: str, raw: str) -> str:
    kinds = {detail["type"] for detail in details}
    options = re.findall(r"'([^']*)'", " ".join(_expected(detail) for detail in details))
    if variable := re.search(r"\$\{oc\.env:(\w+)(?:,([^}]*))?\}", raw):
        call = ":-".join(part.strip() for part in variable.groups() if part)
        return f"; oc.env gives text: write ${{{call}}}, which keeps numbers"
    if kinds & {"int_type", "float_type", "bool_type"} and _plain(text) is not None:
        return " (a text); remove the quotes"
    like = nearest(text, options)
    return f"; did you mean {like!r}?" if like else ""


def _plain(text: str) -> int | float | None:
    """Return the number or truth value that a text would be without its quotes."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return None
    return value if isinstance(value, int | float) else None


def _meant(key: Key, schema: type[BaseModel]) -> str:
    """Name the key that was probably meant, here or in another section."""
    name = str(key[-1])
    section = section_at(schema, key[:-1]) or schema
    everywhere: dict[str, str] = {}
    for path in paths(schema):
        everywhere.setdefault(path.rsplit(".", 1)[-1], path)
    like = nearest(name, section.model_fields)
    if name not in everywhere and like:
        return f"did you mean {dotted((*key[:-1], like))}?"
    if close := nearest(name, everywhere, likeness=0.75):
        return f"did you mean {everywhere[close]}?"
    known = [one for one in section.model_fields if one != "snapshot"]  # computed, never written
    return f"expected one of: {', '.join(known)}"
