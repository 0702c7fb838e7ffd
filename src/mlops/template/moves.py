"""What a project has changed in a file that moved or was split, at the places where it is now.

A split file is taken apart by its definitions: each goes where the new release defines that name,
and what the project has added goes into the first half, with the imports that it needs.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlops.template.parts import Module, Part, cut, imported, parts_of

TABLE = Path("src/mlops/template/moved.txt")


def read(path: Path) -> dict[str, list[str]]:
    """Return where each module of earlier releases is now."""
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    found = (line.split() for line in lines if line and not line.startswith("#"))
    return {old: new for old, *new in found}


def place(module: str) -> str:
    """Return the file of a module."""
    return f"src/{module.replace('.', '/')}.py"


def module(path: Path) -> str:
    """Return the name of a file of Python."""
    return ".".join(path.with_suffix("").parts).removeprefix("src.")


def split(name: str, old: str, ours: str, halves: list[str]) -> list[tuple[str, str]]:
    """Return for each half what the module `name` had for it, and what the project made of that."""
    taken = Split(name, cut(old), cut(ours), [cut(half) for half in halves])
    return [taken.half(number) for number in range(len(halves))]


@dataclass(frozen=True)
class Split:
    """A module of an earlier release: as it came, as the project has it, and what it became."""

    name: str
    before: Module
    here: Module
    after: list[Module]

    def half(self, number: int) -> tuple[str, str]:
        """Return what belongs to one half: as it came, and as the project has it."""
        new, first = self.after[number], number == 0
        base, mine, used = "", "", set[str]()
        for word in self._order():
            one, other = self.before.part(word), self.here.part(word)
            same = one and other and one.text == other.text
            home = next((i for i, half in enumerate(self.after) if word in half.names), None)
            # What nobody has any more is of interest only where the project changed it.
            if home != number and not (first and home is None and other and not same):
                continue
            old, ours = _narrowed(one, other, new.part(word))
            base, mine = base + old, mine + ours
            used |= _fresh(old, ours) & _used(other.node) if other else set()
        top = "".join(part.text for part in new.imports)
        more = "".join(f"{line}\n" for line in dict.fromkeys(self._needed(number, used)))
        described = first and self.before.description != self.here.description
        heads = [
            (module if described else new).description + top for module in (self.before, self.here)
        ]
        gap = "\n" if more and not top else ""
        return heads[0] + base, heads[1] + gap + more + mine

    def _order(self) -> list[str]:
        """Return all names in the project's order, with those that it has removed."""
        found = [part.name for part in self.here.body]
        for index, part in enumerate(self.before.body):
            if part.name not in found:
                found.insert(index, part.name)
        return found

    def _needed(self, number: int, used: set[str]) -> Iterator[str]:
        """Yield imports of what a half does not know: from where the module had it, or from itself.

        The names of modules are those of the earlier release; `make migrate` renews them.
        """
        known = {word for part in self.before.imports for word in imported(part.node)}
        busy = {word for part in self.here.body for word in _used(part.node)}
        for part in self.here.imports:
            words = imported(part.node)
            idle = set() if number else words - known - busy  # imported for what that does
            wanted = (used & words - self.after[number].bound) | idle
            if wanted == words:
                yield part.text.strip()
            else:
                yield from (_import_of(word, part.node) for word in sorted(wanted))
        others = [half.names for half in self.after if half is not self.after[number]]
        for word in sorted(used & self.here.names - self.after[number].bound):
            if any(word in names for names in others):
                yield f"from {self.name} import {word}"


def _narrowed(one: Part | None, other: Part | None, new: Part | None) -> tuple[str, str]:
    """Return both texts; of a class only what is there still, or was changed here."""
    texts = (one.text if one else "", other.text if other else "")
    if not (one and other and new) or not all(
        isinstance(part.node, ast.ClassDef) for part in (one, other, new)
    ):
        return texts
    (top, old), (mine, ours), (_, theirs) = (_members(part) for part in (one, other, new))
    if top != mine:
        return texts
    before = {part.text for part in old}
    left = {part.name for part in ours if part.text in before} - {part.name for part in theirs}
    return (
        top + "".join(part.text for part in old if part.name not in left),
        top + "".join(part.text for part in ours if part.name not in left),
    )


def _fresh(old: str, ours: str) -> set[str]:
    """Return the words of the lines that the project has changed."""
    known = set(old.splitlines())
    return {
        word for line in ours.splitlines() if line not in known for word in re.findall(r"\w+", line)
    }


def _members(part: Part) -> tuple[str, list[Part]]:
    assert isinstance(part.node, ast.ClassDef)
    tree = ast.parse(part.text).body[-1]
    assert isinstance(tree, ast.ClassDef)
    body = tree.body[1:] if ast.get_docstring(tree) is not None else tree.body
    start = tree.body[0].end_lineno or 0 if body is not tree.body else tree.body[0].lineno - 1
    return "".join(part.text.splitlines(keepends=True)[:start]), parts_of(body, part.text, start)


def _used(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _import_of(word: str, part: ast.stmt) -> str:
    """Return the part of an import that brings one name."""
    node = next(
        one
        for one in ast.walk(part)
        if isinstance(one, ast.Import | ast.ImportFrom) and word in imported(one)
    )
    names = [one for one in node.names if word == (one.asname or one.name).split(".")[0]]
    if isinstance(node, ast.Import):
        return ast.unparse(ast.Import(names))
    return ast.unparse(ast.ImportFrom(node.module, names, node.level))
