"""The table of the commands of `ml`, from commands.toml.

The card of the Makefile calls them with the variables set; the modules read the variables.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TABLE: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))


@dataclass(frozen=True)
class Command:
    """A command: the module whose `main` it runs, its line of help, and what may be said to it."""

    module: str
    help: str
    variables: str = ""
    argv: tuple[str, ...] = ()


@dataclass(frozen=True)
class Variable:
    """A value that a command takes: the text of its option's help, and how it is given."""

    help: str
    # "value"; "values" (may be repeated); "flag"; "flag or value"; "argument" (without a dash)
    kind: str = "value"


GROUPS: dict[str, str] = TABLE["groups"]
VARIABLES = {
    name: Variable(text, TABLE["kinds"].get(name, "value"))
    for name, text in TABLE["variables"].items()
}
COMMANDS = {name: Command(**found) for name, found in TABLE["commands"].items()}
