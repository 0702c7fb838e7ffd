"""Bring a project's own files to the names that modules have now.

Imports, `python -m ml.x` and src/ml/x.py are written anew, wherever they are; what a table cannot
decide is reported with its place.
"""

import ast
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from mlops.core.errors import TemplateError
from mlops.template.moves import TABLE, place, read
from mlops.template.parts import Module, cut

NAME = re.compile(r"(?<![\w./-])ml(?:\.[A-Za-z_]\w*)+")
FILE = re.compile(r"(?<![\w.-])src/ml((?:/\w+)+)(\.py\b|(?=/?(?![\w./])))")


@dataclass
class Renewal:
    """The text of a file with today's names, and what is to tell of it, by line."""

    name: str
    was: str
    text: str
    notes: list[str] = field(default_factory=list)

    def note(self, where: int, words: str) -> None:
        """Add a line for whoever reads the terminal."""
        self.notes.append(f"{self.name}:{where}: {words}")


def renewed(path: Path) -> Renewal:
    """Return a file with today's names."""
    text = path.read_bytes().decode(errors="surrogateescape")
    found = Renewal(str(path), text, text)
    if path.suffix == ".py":
        _imports(found)
    _names(found)
    return found


@cache
def table() -> dict[str, list[str]]:
    """Return where modules of earlier releases are now."""
    return read(TABLE)


@cache
def _module(name: str) -> Module:
    path = Path(place(name))
    try:
        return cut(path.read_text(encoding="utf-8") if path.is_file() else "")
    except SyntaxError as error:
        raise TemplateError(
            f"{path}:{error.lineno}: this is not valid Python ({error.msg}), so its definitions "
            "are unknown; fix it, then run `make migrate`"
        ) from error


def now(module: str, word: str | None = None) -> str | None:
    """Return the module that has a name of an earlier one; None if that cannot be said."""
    places = table().get(module)
    if places is None:
        return _own(module)
    if len(places) > 1 and word is not None:
        own = (one for one in places if word in _module(one).names)
        return next(own, None) or next((one for one in places if word in _module(one).bound), None)
    return places[0] if len(places) == 1 else None


def _own(module: str) -> str | None:
    """Return where a module of the project's own went, if its folder moved."""
    folder, _, last = module.rpartition(".")
    for one in table().get(f"{folder}.*", []):
        there = one.removesuffix("*") + last
        if Path(place(there)).is_file() and not Path(place(module)).is_file():
            return there
    return module


def _imports(found: Renewal) -> None:
    """Renew `from x import y` and `import x`; the comments of a line stay."""
    try:
        tree = ast.parse(found.text)
    except SyntaxError as error:
        found.note(error.lineno or 1, "cannot be read, so its imports are unchanged")
        return
    lines = found.text.splitlines(keepends=True)
    nodes = [one for one in ast.walk(tree) if isinstance(one, ast.ImportFrom) and one.module]
    for node in sorted(nodes, key=lambda one: -one.lineno):
        if node.level == 0 and (text := _from(node, tree, found)):
            start, end = node.lineno - 1, node.end_lineno or node.lineno
            rest = lines[end - 1].encode()[node.end_col_offset or 0 :].decode()
            indent = lines[start][: node.col_offset]
            lines[start:end] = [indent + f"\n{indent}".join(text) + rest]
            found.note(node.lineno, "; ".join(text))
    found.text = "".join(lines)


def _from(node: ast.ImportFrom, tree: ast.AST, found: Renewal) -> list[str]:
    """Return the statements for one, or none if it stays as it is."""
    module, groups = node.module or "", dict[str, list[str]]()
    for alias in node.names:
        inner = f"{module}.{alias.name}"
        if inner in table() or _own(inner) != inner:
            new = now(inner) or _half(inner, alias.asname or alias.name, tree)
            home, _, last = (new or inner).rpartition(".")
            called = alias.asname or alias.name
            words = last if last == called else f"{last} as {called}"
        else:
            new = now(module, alias.name)
            home, words = new or module, ast.unparse(alias)
            if new and new != module and alias.name not in {*_module(new).bound, "*"}:
                found.note(node.lineno, f"{new} has no {alias.name}")
        if new is None:
            found.note(node.lineno, f"{inner} no longer exists or was split")
        groups.setdefault(home, []).append(words)
    if list(groups) == [module]:
        return []
    return [f"from {home} import {', '.join(words)}" for home, words in groups.items()]


def _half(module: str, called: str, tree: ast.AST) -> str | None:
    """Return the half of a split module that has all that a file takes from it."""
    used = {
        one.attr
        for one in ast.walk(tree)
        if isinstance(one, ast.Attribute)
        and isinstance(one.value, ast.Name)
        and one.value.id == called
    }
    return next((one for one in table().get(module, []) if used <= _module(one).bound), None)


def _names(found: Renewal) -> None:
    """Renew dotted names and names of files."""
    for pattern, replaced in ((NAME, _dotted), (FILE, _file)):
        before = found.text
        found.text = pattern.sub(replaced, before)
        for match in pattern.finditer(before):
            line, new = before.count("\n", 0, match.start()) + 1, replaced(match)
            if new != match[0]:
                found.note(line, f"{match[0]} is now {new}")
            elif (places := _halves(match[0])) is not None:
                now_in = f"in several places now: {', '.join(places)}" if places else "no more"
                found.note(line, f"{match[0]} is {now_in}")


def _dotted(match: re.Match[str]) -> str:
    words = match[0].split(".")
    for count in range(len(words), 1, -1):
        old, rest = ".".join(words[:count]), words[count:]
        if old in table() or _own(old) != old:
            return ".".join([now(old, rest[0] if rest else None) or old, *rest])
    return match[0]


def _file(match: re.Match[str]) -> str:
    module = "ml" + match[1].replace("/", ".")
    if match[2]:
        return place(now(module) or module)
    (new,) = table().get(f"{module}.*", [f"{module}.*"])
    return "src/" + new.removesuffix(".*").replace(".", "/")


def _halves(name: str) -> list[str] | None:
    """Return the halves of a module that is not one of them itself, none of one that is gone."""
    module = name.removeprefix("src/").removesuffix(".py").replace("/", ".")
    words = module.split(".")
    olds = (".".join(words[:count]) for count in range(len(words), 1, -1))
    return next((table()[old] for old in olds if old in table() and old not in table()[old]), None)
