"""Keys of the configuration that had other names in earlier releases.

Add an entry with the release that renames, never remove one: a project may be many releases behind.
`make migrate` renames the key in all files of conf/; until then the error names it.
"""

from collections.abc import Iterator
from pathlib import Path

import yaml

from mlops.config.keys import Key
from mlops.config.yaml_file import nodes, read
from mlops.core.names import CONF

# Where a key was -> its new last name: {"training.lr": "learning_rate"}.
RENAMED: dict[str, str] = {}


def migrated(path: Path) -> str:
    """Return the text of a file of conf/ with today's names; nothing else in it changes."""
    text = read(path)
    prefix = "model." if path.parent == CONF / "model" else ""
    found = [
        (node.start_mark.index, node.end_mark.index, new)
        for old, new in RENAMED.items()
        if old.startswith(prefix)
        for node in _keys(nodes(path), tuple(old.removeprefix(prefix).split(".")))
    ]
    for start, end, new in sorted(found, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _keys(node: yaml.Node, key: Key) -> Iterator[yaml.Node]:
    """Yield the node that names a key, where it is there."""
    if isinstance(node, yaml.MappingNode):
        for name, child in node.value:
            if name.value == key[0] and len(key) == 1:
                yield name
            elif name.value == key[0]:
                yield from _keys(child, key[1:])
