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


# In the place of each the field has a word of its own (a tokenizer is a tokenizer).
BANNED = {
    "census", "desk", "facts", "gauges", "hosting", "judge", "judged", "judgement", "judging",
    "mend", "network", "outline", "payload", "recording", "told", "tell", "tracing", "wording",
}  # fmt: skip


def names(tree: ast.AST) -> set[str]:
    """Return the words of all names in a module."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
    return {word.lower() for name in found for word in re.findall(r"[A-Z]?[a-z]+", name)}


def test_names_are_the_fields_words() -> None:
    """In modules, functions, classes and variables of src."""
    found = {
        path.relative_to(ROOT).as_posix(): words
        for path in MODULES
        if (words := (names(ast.parse(path.read_text())) | set(path.stem.split("_"))) & BANNED)
    }

    assert found == {}


def test_messages_are_plain() -> None:
    """Nothing "should be X, but is Y": what was expected, what was found, what to do next."""
    moral = re.compile(r"should (be|have|hold|name|answer)\b[^\"]*\bbut\b|\bmend\b")
    found = {path.name for path in MODULES if moral.search(path.read_text())}

    assert found == set()
