"""Plain words in what users read: docs/words.txt, and phrases, which codespell cannot know."""

import ast
import re
from collections.abc import Iterator

import pytest

from common import ROOT

LISTED = (ROOT / "docs" / "words.txt").read_text("utf-8")
PLAIN = {
    **dict(line.split("->") for line in LISTED.splitlines()),
    "are none": "there are no",
    "asked for": "required, requested",
    "at hand": "available, current",
    "beforehand": "before",
    "here and there": "in places",
    "is none": "there is no",
    "nobody knows": "it is unknown",
    "of its own accord": "automatically",
    "what follows from": "what is generated from",
}
FIND = re.compile(rf"\b({'|'.join(PLAIN)})\b", re.I)
# Code, and where a link leads.
QUOTED = re.compile(r"```.*?```|`[^`]*`|\]\([^)]*\)", re.S)
MODULES = [path for path in sorted((ROOT / "src").rglob("*.py")) if "data" not in path.parts]


def banned(text: str) -> set[str]:
    """Return the banned words and phrases of a text."""
    return {found.lower() for found in FIND.findall(" ".join(QUOTED.sub("", text).split()))}


def corrections(name: str, text: str) -> list[str]:
    """Return what to change in a text, as codespell puts it."""
    return [f"{name}: {word} ==> {PLAIN[word]}" for word in sorted(banned(text))]


def prose() -> Iterator[tuple[str, str]]:
    """Yield documents, the help of commands and the comments of conf/, each with its path."""
    commands = ROOT / "src" / "mlops" / "cli" / "commands.toml"
    pages = [*ROOT.glob("*.md*"), *ROOT.glob("docs/*.md"), *ROOT.glob(".git?*/**/*.md")]
    comments = {
        **dict.fromkeys(ROOT.glob("conf/**/*.yaml"), "#.*"),
        **dict.fromkeys((ROOT / "Makefile", ROOT / "template.mk"), "##.*"),
        commands: r"(?<= = ).*\s.*",
    }
    for path in pages:
        text = path.read_text("utf-8")
        yield path.name, text.split("\n## ")[1] if path.name == "CHANGELOG.md" else text
    for path, pattern in comments.items():
        yield path.name, "\n".join(re.findall(pattern, path.read_text("utf-8")))


def messages(text: str) -> str:
    """Return the strings of a module that have several words and are no docstrings."""
    nodes = list(ast.walk(ast.parse(text)))
    docstrings = [node.value for node in nodes if isinstance(node, ast.Expr)]
    found = [
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if " " in node.value and node not in docstrings
    ]
    # A command's name is code.
    return re.sub(r"\bmake [a-z-]+", "", "\n".join(found))


def test_prose_has_no_banned_words() -> None:
    """In documents (of the changelog: what is new), help and comments of conf/."""
    found = [line for name, text in prose() for line in corrections(name, text)]

    assert found == []


def test_messages_have_no_banned_words() -> None:
    """In no string that a program may print."""
    texts = {path.name: messages(path.read_text("utf-8")) for path in MODULES}
    found = [line for name, text in texts.items() for line in corrections(name, text)]

    assert found == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The verbs lie beside\nit.", {"verbs", "beside"}),
        ("What was asked\nfor", {"asked for"}),
        ("`make tell` posts; ```there is none```", set()),
        ("The foretold verbal bedside is nonetheless fine.", set()),
    ],
)
def test_a_banned_word_is_found(text: str, words: set[str]) -> None:
    """As a word of its own, over the end of a line, and not in code."""
    assert banned(text) == words


def test_a_message_is_found() -> None:
    """In each part of a formatted string; neither in a docstring nor in a command."""
    text = '"""Tell."""\nraise KnownError(f"mend {name}, as told; make tell")\nkey = "verb"\n'

    assert banned(messages(text)) == {"mend", "told"}
