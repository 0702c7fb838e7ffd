"""The comments beside the keys of a YAML file, as an editor shows them.

A reason stands behind a key, with following lines under its `#`, or on the lines above it.
"""

from collections.abc import Iterator
from pathlib import Path

import yaml

from mlops.config.keys import Key
from mlops.config.yaml_file import nodes, read


def comments(path: Path) -> dict[Key, str]:
    """Return the comment of each key that has one."""
    lines = read(path).splitlines()
    found = {
        key: _above(lines, name) + _behind(lines, name, value)
        for key, name, value in _keys(nodes(path), ())
    }
    return {key: " ".join(texts) for key, texts in found.items() if texts}


def _keys(node: yaml.Node, above: Key) -> Iterator[tuple[Key, yaml.ScalarNode, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            yield (*above, name.value), name, value
            yield from _keys(value, (*above, name.value))


def _above(lines: list[str], name: yaml.ScalarNode) -> list[str]:
    """Return the lines of comment right above a key, in its own column."""
    found: list[str] = []
    for line in reversed(lines[: name.start_mark.line]):
        if not line.startswith(" " * name.start_mark.column + "#"):
            return found
        found.insert(0, line.strip("# "))
    return []  # what a file begins with is about the file


def _behind(lines: list[str], name: yaml.ScalarNode, value: yaml.Node) -> list[str]:
    """Return the comment behind a value, and its following lines."""
    if value.end_mark.line != name.start_mark.line:
        return []  # a section: what follows belongs to its keys
    number, column = value.end_mark.line, value.end_mark.column
    rest = lines[number][column:]
    if not rest.lstrip().startswith("#"):
        return []
    start = " " * (column + rest.index("#")) + "#"
    found = [rest.strip("# ")]
    for line in lines[number + 1 :]:
        if not line.startswith(start):
            break
        found.append(line.strip("# "))
    return found
