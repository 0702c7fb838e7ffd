"""Write the JSON Schemas by which editors complete, explain and check the files of conf/.

They say what mlops.config.schema says of single values; rules between values are compose's alone.

Reads: mlops.config.schema; the comments of conf/config.yaml and conf/model/tiny.yaml
Writes: conf/schema/config.json, conf/schema/model.json
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from mlops.config.comments import comments
from mlops.config.keys import Key, section_at
from mlops.core.errors import run
from mlops.core.names import CONF
from mlops.core.project import project

Part = dict[str, Any]  # a part of a JSON Schema

CONFIG, MODEL = CONF / "schema" / "config.json", CONF / "schema" / "model.json"
# Which files each schema is for.
FILES = {
    CONFIG: ("config.yaml", "project.yaml", "env/**/*.yaml", "experiment/**/*.yaml"),
    MODEL: ("model/**/*.yaml",),
}
DEFINED: Part = {
    "reference": {
        "description": "another key (${section.key}) or a variable (${NAME}, ${NAME:-default})",
        "type": "string",
        "pattern": r"\$\{.+\}|^\?\?\?$",
    },
    "defaults": {
        "description": "what this file builds on, such as `- override /model: bert`",
        "type": "array",
        "items": {"type": ["string", "object"]},
    },
}
REFERENCE = {"$ref": "#/$defs/reference"}
# What a section of pydantic's schema keeps; its titles repeat the keys, its defaults are conf/'s.
KEPT = ("description", "type", "additionalProperties")


@dataclass(frozen=True)
class Editor:
    """Turns the schema of the whole configuration into one of files that set parts of it."""

    parts: Part  # pydantic's definitions, by name
    reasons: dict[Key, str]

    def section(self, part: Part, key: Key, whole: bool = False) -> Part:
        """Return a section of which a file may leave out anything, unless it is in a list."""
        properties = {
            name: self.value(one, (*key, name), whole)
            for name, one in part["properties"].items()
            if name not in ("snapshot", "experiment")  # computed, never written
        }
        required = {"required": part["required"]} if whole and "required" in part else {}
        kept = {name: part[name] for name in KEPT if name in part}
        return {**kept, "properties": properties, **required}

    def value(self, part: Part, key: Key, whole: bool) -> Part:
        """Return what may stand at a key: its value, or a reference to one."""
        choices = [self.choice(one, key, whole) for one in part.get("anyOf", [part])]
        described = {"description": self.reasons[key]} if key in self.reasons else {}
        if len(choices) == 1 and (choices[0] == {"type": "string"} or "properties" in choices[0]):
            return {**choices[0], **described}
        return {**described, "anyOf": [*choices, REFERENCE]}

    def choice(self, part: Part, key: Key, whole: bool) -> Part:
        """Return one kind of value that may stand at a key."""
        if "$ref" in part:
            return self.section(self.parts[part["$ref"].rpartition("/")[2]], key, whole)
        plain = {name: one for name, one in part.items() if name not in ("title", "default")}
        if "items" in plain:
            plain["items"] = self.value(plain["items"], (*key, 0), whole=True)
        return plain


def files(schema: Path) -> list[Path]:
    """Return the files that a schema is for."""
    return sorted(path for pattern in FILES[schema] for path in CONF.glob(pattern))


def schemas() -> dict[Path, str]:
    """Return the text of each schema."""
    reasons = comments(CONF / "model" / "tiny.yaml")
    all_reasons = comments(CONF / "config.yaml")
    all_reasons |= {("model", *key): text for key, text in reasons.items()}
    params = project().params()
    model = section_at(params, ("model",))
    made = {CONFIG: _schema(params, all_reasons)}
    made |= {MODEL: _schema(model, reasons)} if model else {}
    return {
        path: f"{json.dumps(one, indent=1, ensure_ascii=False)}\n" for path, one in made.items()
    }


def _schema(top: type[BaseModel], reasons: dict[Key, str]) -> Part:
    pydantic = top.model_json_schema()
    root = Editor(pydantic["$defs"], reasons).section(pydantic, ())
    root["properties"]["defaults"] = {"$ref": "#/$defs/defaults"}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",  # what every editor knows
        "$comment": "Written by `make schema` from the schema in src and the comments in conf/.",
        **root,
        "$defs": DEFINED,
    }


def main() -> None:
    """Write them."""
    for path, text in schemas().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}: for {len(files(path))} files\n")


if __name__ == "__main__":
    run(main)
