"""The house: which module of src imports which, room by room, and what a stage runs.

A part of the plug (`project().scores()`) is followed to what `ml.project` imports for it;
imports for types alone are none.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from common import ROOT

SRC = ROOT / "src"
PLUG, DOOR = SRC / "ml" / "project.py", SRC / "mlops" / "core" / "project.py"


def sources() -> list[Path]:
    """Return the modules, but for the faces of packages, which hold a sentence."""
    return sorted(path for path in SRC.rglob("*.py") if path.name != "__init__.py")


def named(node: ast.AST) -> set[Path]:
    """Return the modules that an import statement names."""
    names: list[str] = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module:
        names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    paths = [SRC / f"{name.replace('.', '/')}.py" for name in names]
    return {path for path in paths if path.exists()}


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Give the nodes that run, so not what stands below `if TYPE_CHECKING`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from statements(node)


def imports(path: Path) -> set[Path]:
    """Return the modules that a module itself imports."""
    return {
        module for node in statements(ast.parse(path.read_text())) for module in named(node)
    } - {path}


def plugged(path: Path) -> set[Path]:
    """Return what the plug imports for the parts that a module asks it for."""
    parts = set(re.findall(r"\bproject\(\)\s*\.(\w+)", path.read_text()))
    functions = [
        node for node in ast.parse(PLUG.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name in parts
    ]  # fmt: skip
    found = {module for one in functions for node in ast.walk(one) for module in named(node)}
    return found | ({PLUG} if parts else set())


def imported(path: Path) -> set[Path]:
    """Return a module and all that runs with it."""
    found: set[Path] = {path}
    waiting = [path]
    while waiting:
        module = waiting.pop()
        new = imports(module) if module not in (DOOR, PLUG) else set()
        for one in (new | plugged(module)) - found:
            found.add(one)
            waiting.append(one)
    return found
