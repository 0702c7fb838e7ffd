"""Read a YAML file so that each mistake in it is reported with its line."""

from pathlib import Path
from typing import Any

import yaml

from mlops.core.errors import ConfigError

KINDS = {list: "a list", str: "a text", bool: "a truth value", int: "a number", float: "a number"}


def read(path: Path) -> str:
    """Return the text of a UTF-8 file; a byte order mark is ignored."""
    try:
        raw = path.read_bytes()
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}:{line}: expected UTF-8 text, found the byte 0x{raw[error.start]:02x}; "
            "save the file as UTF-8"
        ) from None


def mapping(
    path: Path, text: str, loader: type[yaml.SafeLoader] = yaml.SafeLoader
) -> dict[Any, Any]:
    """Parse the text of `path`, which must hold `key: value` lines."""
    try:
        values = yaml.load(text, Loader=loader)
    except yaml.YAMLError as error:
        raise ConfigError(_mistake(path, text, error)) from None
    if isinstance(values, dict):
        return values
    if values is None:
        raise ConfigError(
            f"{path}: expected `key: value` lines, found an empty file; "
            "a file that sets nothing holds {}"
        )
    raise ConfigError(
        f"{path}: expected `key: value` lines, found {KINDS.get(type(values), 'something else')}"
    )


def nodes(path: Path) -> yaml.Node:
    """Return the tree of a file, with the line of each key."""
    text = read(path)
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ConfigError(_mistake(path, text, error)) from None
    return tree or yaml.MappingNode("tag:yaml.org,2002:map", [])


def _mistake(path: Path, text: str, error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        code = error.character if isinstance(error.character, int) else ord(error.character)
        return f"{path}:{line}: expected text, found the control character {code}; remove it"
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return f"{path}: not valid YAML: {error}"
    line = error.problem_mark.line + 1
    problem = error.problem or error.context or "not valid YAML"
    lines = text.splitlines()
    found = lines[line - 1] if line <= len(lines) else ""
    if "\t" in found[: error.problem_mark.column + 1]:
        return f"{path}:{line}: expected spaces, found a tab; YAML is indented with spaces"
    if problem.startswith("found duplicate key"):
        key = problem.removeprefix("found duplicate key ")
        return f"{path}:{line}: {key}: expected each key once, found it twice; remove one"
    if error.context and error.context_mark and error.context_mark.line + 1 < line:
        # An open bracket or quote is noticed lines later: the context says where it began.
        problem = f"{problem} {error.context} that begins in line {error.context_mark.line + 1}"
    return f"{path}:{line}: not valid YAML: {problem}"
