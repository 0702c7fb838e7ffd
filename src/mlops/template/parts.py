"""A file of Python, taken apart by what it defines."""

import ast
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Part:
    """A statement with the comments above it, by the name that it defines."""

    name: str
    text: str
    node: ast.stmt


@dataclass(frozen=True)
class Module:
    """A file of Python: its description, its imports, and what it defines."""

    description: str
    imports: list[Part]
    body: list[Part]

    @property
    def names(self) -> set[str]:
        """Return what it defines."""
        return {part.name for part in self.body}

    def part(self, name: str) -> Part | None:
        """Return what defines a name, if it does."""
        return next((part for part in self.body if part.name == name), None)

    @property
    def bound(self) -> set[str]:
        """Return all names that it knows."""
        return self.names | {name for part in self.imports for name in imported(part.node)}


def cut(text: str) -> Module:
    """Take a file apart; together the parts are the file."""
    tree = ast.parse(text)
    parts = parts_of(tree.body, text, 0)
    described = bool(parts) and ast.get_docstring(tree) is not None
    first = parts.pop(0).text if described else ""
    top = next((i for i, part in enumerate(parts) if not _imports(part.node)), len(parts))
    return Module(first, parts[:top], parts[top:])


def parts_of(body: list[ast.stmt], text: str, start: int) -> list[Part]:
    """Return statements as parts of a text, from behind a line of it."""
    lines, parts = text.splitlines(keepends=True), []
    for node in body:
        end = node.end_lineno or start
        piece = "".join(lines[start:end])
        parts.append(Part(_name(node) or piece.strip(), piece, node))
        start = end
    if parts and (rest := "".join(lines[start:])):
        parts[-1] = replace(parts[-1], text=parts[-1].text + rest)
    return parts


def _name(node: ast.stmt) -> str:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return next((one.id for one in targets if isinstance(one, ast.Name)), "")


def _imports(node: ast.stmt) -> bool:
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return isinstance(node, ast.Import | ast.ImportFrom)


def imported(node: ast.AST) -> set[str]:
    """Return the names that a statement imports."""
    return {
        (alias.asname or alias.name).split(".")[0]
        for one in ast.walk(node)
        if isinstance(one, ast.Import | ast.ImportFrom)
        for alias in one.names
    }
