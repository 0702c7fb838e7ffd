"""The house: which module of src imports which, room by room, and what a stage runs.

A part of the plug (`project().scores()`) is followed to what `ml.project` imports for it;
imports for types alone are none.

Run: `python tests/mlops/support/house.py` writes the map into docs/architecture.md
"""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[3]
SRC = ROOT / "src"
PLUG, DOOR = SRC / "ml" / "project.py", SRC / "mlops" / "core" / "project.py"
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- map: python tests/mlops/support/house.py -->\n", "<!-- end of the map -->\n"

Arrows = Mapping[str, set[str]]  # a room, and the rooms that it imports


def sources() -> list[Path]:
    """Return the modules, but for the faces of packages, which hold a sentence."""
    return sorted(path for path in SRC.glob("*/**/*.py") if path.name != "__init__.py")


def room(module: Path) -> str:
    """Return the room of a module: a folder of mlops, or all that is the project's."""
    package, *rest = module.relative_to(SRC).parts
    if package == "ml":
        return "ml"
    return "config" if package == "hydra_plugins" else rest[0]


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
    found = {module for node in statements(ast.parse(path.read_text())) for module in named(node)}
    return found - {path}


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


def arrows() -> Arrows:
    """Return which room imports which; the door to the project is none, it opens on demand."""
    found: dict[str, set[str]] = {room(module): set() for module in sources()}
    for module in sources():
        if module != DOOR:  # it opens on demand
            found[room(module)] |= {room(one) for one in imports(module)} - {room(module)}
    return found


def floors(found: Arrows) -> list[list[str]]:
    """Return the rooms by floor, the lowest first; raise CycleError where rooms go round."""
    order = TopologicalSorter(found)
    order.prepare()
    rows = []
    while order.is_active():
        row = sorted(order.get_ready())
        rows.append(row)
        order.done(*row)
    return rows


def purpose(name: str) -> str:
    """Return what a room is for: the sentence of its package."""
    folder = SRC / "ml" if name == "ml" else SRC / "mlops" / name
    return (ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or "").strip()


def count(path: Path) -> int:
    """Count the lines of a file."""
    return len(path.read_text().splitlines())


def lines(name: str) -> int:
    """Count the lines of a room."""
    return sum(count(path) for path in sources() if room(path) == name)


def drawn() -> str:
    """Return the map as Markdown: rooms by floor, the highest first, and what each imports."""
    found = arrows()
    rows = [
        "| floor | room | lines | what it is for | imports |",
        "| --- | --- | --- | --- | --- |",
    ]
    for number, row in reversed(list(enumerate(floors(found), 1))):
        for name in row:
            place = "`src/ml`" if name == "ml" else f"`{name}`"
            below = ", ".join(sorted(found[name])) or "nothing"
            hundred = f"{round(lines(name), -2):,}"
            rows.append(f"| {number} | {place} | {hundred} | {purpose(name)} | {below} |")
    count = sum(map(len, found.values()))
    told = f"{len(found)} rooms on {len(floors(found))} floors, {count} arrows, no circle."
    return "\n".join([told, "", *rows, ""])


def page(text: str) -> str:
    """Return a page with the map as it is now."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{drawn()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
