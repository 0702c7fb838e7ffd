"""Walk the keys of a pydantic schema."""

import types
from collections.abc import Iterator, Mapping
from typing import get_args

from pydantic import BaseModel

Key = tuple[str | int, ...]


def dotted(key: Key) -> str:
    """Write a key as a user does: `evaluate.behaviour[0].name`."""
    return "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in key).lstrip(".")


def paths(schema: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """List all keys of the schema, those of the top first."""
    sections: Mapping[str, type[BaseModel] | None] = {
        name: _model(field.annotation) for name, field in schema.model_fields.items()
    }
    yield from (f"{prefix}{name}" for name in sections)
    for name, section in sections.items():
        if section:
            yield from paths(section, f"{prefix}{name}.")


def section_at(schema: type[BaseModel], key: Key) -> type[BaseModel] | None:
    """Return the schema of the section at `key`."""
    section: type[BaseModel] | None = schema
    for step in key:
        if isinstance(step, str):
            field = section.model_fields.get(step) if section else None
            section = _model(field.annotation) if field else None
    return section


def _model(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for arg in get_args(annotation) if (model := _model(arg))), None)


def nullable(key: Key, schema: type[BaseModel]) -> bool:
    """Tell whether null is allowed at `key`."""
    section = section_at(schema, key[:-1])
    field = section.model_fields.get(str(key[-1])) if section else None
    return field is not None and types.NoneType in get_args(field.annotation)
