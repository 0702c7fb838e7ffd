"""Where a value of the composed configuration was written: file and line, or SET.

Reads: conf/
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from mlops.config.keys import Key, dotted
from mlops.config.overrides import Override
from mlops.config.yaml_file import nodes
from mlops.core.names import CONF


@dataclass(frozen=True)
class Origin:
    """A place, and the value as it stands there, before variables are put in."""

    place: str
    raw: str


@dataclass(frozen=True)
class Layer:
    """A YAML file; its top lies at `prefix` in the composed configuration."""

    path: Path
    root: yaml.Node
    prefix: Key = ()

    def find(self, key: Key) -> Origin | None:
        """Return where this file sets `key`."""
        if not key or key[: len(self.prefix)] != self.prefix:
            return None
        node, line = self.root, self.root.start_mark.line if self.root.start_mark else 0
        for step in key[len(self.prefix) :]:
            found = _child(node, step)
            if found is None:
                return None
            node, line = found
        raw = node.value if isinstance(node, yaml.ScalarNode) else ""
        return Origin(f"{self.path}:{line + 1}", raw)


@dataclass(frozen=True)
class Words:
    """The words of SET; the last one counts."""

    overrides: Sequence[Override]

    def find(self, key: Key) -> Origin | None:
        """Return the word that sets `key`, a section around it or a value within it."""
        for word in reversed(self.overrides):
            common = min(len(key), len(word.path))
            if key[:common] == word.path[:common]:
                return Origin("SET", word.value if key == word.path else "")
        return None


Layers = Sequence[Layer | Words]


def layers(choices: Mapping[str, str], overrides: Sequence[Override]) -> Layers:
    """List what was composed, the strongest first; `choices` names the file of each group."""
    return [
        Words(overrides),
        *_chain("experiment", choices["experiment"], ()),
        *_chain("env", choices["env"], ()),
        *_chain("model", choices["model"], ("model",)),
        *(
            Layer(path, nodes(path))
            for path in (CONF / "config.yaml", CONF / "project.yaml")
            if path.is_file()
        ),
    ]


def find(layers: Layers, key: Key) -> Origin | None:
    """Return the strongest place that sets `key`."""
    return next((origin for layer in layers if (origin := layer.find(key))), None)


def clash(layers: Layers) -> str | None:
    """Tell where one file has a list and a weaker one a section, or the other way round."""
    files = [layer for layer in layers if isinstance(layer, Layer)]
    kinds = [dict(_kinds(layer.root, layer.prefix)) for layer in files]
    for (strong, here), (_, there) in itertools.combinations(zip(files, kinds, strict=True), 2):
        for key, kind in here.items():
            if there.get(key, kind) != kind and (origin := strong.find(key)):
                return f"{origin.place}: {dotted(key)}: expected {there[key]}, found {kind}"
    return None


def around(layers: Layers, key: Key) -> Origin:
    """Return the place of `key` or, where nothing sets it, of the section that lacks it."""
    for end in range(len(key), 0, -1):
        if origin := find(layers, key[:end]):
            return origin
    return Origin(str(CONF), "")


def _chain(group: str, name: str, prefix: Key) -> Iterator[Layer]:
    """Yield a file and those that its defaults list builds on (`- tiny`)."""
    path = CONF / group / f"{name}.yaml"
    if not path.is_file():
        return
    layer = Layer(path, nodes(path), prefix)
    yield layer
    defaults = _child(layer.root, "defaults")
    if defaults and isinstance(defaults[0], yaml.SequenceNode):
        for entry in reversed(defaults[0].value):
            if isinstance(entry, yaml.ScalarNode) and entry.value not in ("_self_", name):
                yield from _chain(group, entry.value, prefix)


def _kinds(node: yaml.Node, key: Key) -> Iterator[tuple[Key, str]]:
    if isinstance(node, yaml.SequenceNode):
        yield key, "a list"
    if isinstance(node, yaml.MappingNode):
        yield key, "a section of `key: value` lines"
        for step, child in node.value:
            yield from _kinds(child, (*key, step.value))


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return value, key.start_mark.line
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step].start_mark.line
    return None
