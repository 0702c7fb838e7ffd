"""Rules of the code itself that no linter knows: each was broken once, and nobody saw it."""

import ast
import re

import pytest

from common import ROOT

MODULES = sorted((ROOT / "src").rglob("*.py"))
# Threads are the user's: with one, Arrow reads a row's number that it does not know with two.
THREADS = re.compile(r"[A-Z]_(NUM|MAX)_THREADS\b")


def values(node: ast.expr | None) -> set[str]:
    """Return the names of which one may be the value of an expression."""
    match node:
        case ast.Name(id=name):
            return {name}
        case ast.BoolOp(values=parts):
            return set().union(*map(values, parts))
        case ast.IfExp(body=one, orelse=other):
            return values(one) | values(other)
    return set()


def circular(text: str) -> list[int]:
    """Return the lines that raise an error which may be its own cause."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Raise) and values(node.exc) & values(node.cause)
    ]


def test_no_error_is_its_own_cause() -> None:
    """Whoever follows the causes of such an error never ends: every malformed row hung for ever."""
    found = {path.name: lines for path in MODULES if (lines := circular(path.read_text()))}

    assert not found


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("raise error from error", [1]),
        ("raise told(error) or error from error", [1]),
        ("raise (error if known else other) from error", [1]),
        ("raise told(error) from error", []),
        ("raise error from None", []),
        ("raise", []),
    ],
)
def test_a_circular_raise_is_found(text: str, lines: list[int]) -> None:
    """The rule above sees each form in which an error can be its own cause."""
    assert circular(text) == lines


def test_tests_leave_threads_to_the_machine() -> None:
    """What only tests set hides what users see."""
    files = [*(ROOT / "tests").rglob("*.py"), ROOT / "Makefile", ROOT / ".ci" / "run"]
    found = [path.name for path in files if THREADS.search(path.read_text())]

    assert found == [], "remove the variable; a user has not set it"
