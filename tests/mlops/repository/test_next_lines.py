"""What a message tells the user to type: a command that exists, with variables that it knows."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dvc.cli.parser import get_main_parser

from common import ROOT

MAKEFILE = "".join((ROOT / name).read_text() for name in ("Makefile", "template.mk"))
VERBS = set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.M))
VARIABLES = set(re.findall(r"\w+", re.findall(r"^VARIABLES := (.*)$", MAKEFILE, re.M)[0])) | {"SET"}
HOLE = "\0"  # stands for what a message fills in
# English, and no command.
PROSE = {"environments", "it", "lines", "on", "one", "room", "the", "them", "this"}
# Each command that a message prints, and what types it: a test, or a document that a test types.
TYPED = {
    "add-labels": "tests/mlops/field/test_operate_field.py",
    "audit": "tests/mlops/ci/test_audit.py",
    "compare": "tests/mlops/pipeline/test_compare.py",
    "deploy": "docs/release.md",
    "drift": "tests/mlops/field/test_operate_field.py",
    "env-of": "docs/guide.md",
    "experiment": "tests/mlops/field/test_own_data.py",
    "forget-requests": "tests/mlops/field/test_operate_field.py",
    "gate": "docs/release.md",
    "init": "tests/mlops/template/test_template.py",
    "install": "tests/mlops/field/door.py",
    "lineage": "docs/lineage.md",
    "load-test": "tests/mlops/field/test_clients.py",
    "lock": "tests/mlops/repository/test_layout.py",
    "migrate": "docs/change.md",
    "new": "tests/mlops/field/test_template_field.py",
    "package": "docs/release.md",
    "play": "tests/mlops/release/test_play.py",
    "predict": "tests/mlops/field/test_variables.py",
    "publish": "tests/mlops/release/test_publish.py",
    "pull": "tests/mlops/storage/test_sharing.py",
    "push": "tests/mlops/storage/test_sharing.py",
    "register": "docs/release.md",
    "release-notes": "tests/mlops/field/test_release_field.py",
    "resolve": "tests/mlops/pipeline/test_resolve.py",
    "retention": "tests/mlops/storage/test_retention.py",
    "review": "tests/mlops/ci/test_review.py",
    "rollback": "docs/release.md",
    "schema": "tests/mlops/config/test_json_schema.py",
    "serve": "tests/mlops/field/test_clients.py",
    "rules": "tests/mlops/field/test_operate_field.py",
    "sign": "tests/mlops/release/test_signing.py",
    "smoke": "docs/guide.md",
    "status": "docs/release.md",
    "sweep": "tests/mlops/pipeline/test_sweep.py",
    "sync": "tests/mlops/tracking/test_sync.py",
    "tell": "tests/mlops/ci/test_workflows.py",
    "train": "docs/guide.md",
    "ui": "tests/mlops/repository/test_docs.py",
    "validate": "docs/guide.md",
    "verify": "tests/mlops/storage/test_verify.py",
    "watch": "tests/mlops/operate/test_watch.py",
}


def messages(path: Path) -> Iterator[str]:
    """Yield the texts of a module that are no docstrings, with a hole for each value."""
    tree = ast.parse(path.read_text("utf-8"))
    told: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            told.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            told |= {id(part) for part in ast.walk(node) if part is not node}
    for node in ast.walk(tree):
        if id(node) in told:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            parts: list[Any] = [getattr(part, "value", None) for part in node.values]
            yield "".join(part if isinstance(part, str) else HOLE for part in parts)


MESSAGES = [
    (path.relative_to(ROOT).as_posix(), text)
    for path in sorted((ROOT / "src").rglob("*.py"))
    for text in messages(path)
]
COMMANDS = [
    (name, found[1], re.findall(r"([A-Z]+)=", found[2]))
    for name, text in MESSAGES
    for found in re.finditer(rf"\bmake ([a-z][a-z0-9-]*)((?:{HOLE}| [A-Z]+=\S*)*)", text)
    if found[1] not in PROSE
]


def test_a_printed_command_of_make_exists() -> None:
    """And make knows its variables."""
    assert len(COMMANDS) > 100
    wrong = [one for one in COMMANDS if one[1] not in VERBS or set(one[2]) - {*VARIABLES}]

    assert wrong == []


def test_a_test_types_each_printed_command() -> None:
    """The table above has them all, and each file types what it is named for."""
    assert {verb for _, verb, _ in COMMANDS} == set(TYPED)


@pytest.mark.parametrize("verb", TYPED)
def test_the_file_of_the_table_types_the_command(verb: str) -> None:
    """As a word of make, as its module or as its script."""
    modules = re.findall(rf"^{verb}:.*\n(?:\t.*\n)*?\t.*?-m mlops\.(\S+)", MAKEFILE, re.M)
    table = (ROOT / "src/mlops/cli/commands.toml").read_text()
    modules += re.findall(
        rf'^\[commands\."?(?:\w+ )?{verb}"?\]\nmodule = "mlops\.(.+)"', table, re.M
    )
    words = [rf"make {verb}\b", rf'"{verb}"']
    for module in modules:
        words += [re.escape(f"mlops.{module}"), rf"\b{module.rpartition('.')[2]}\.main\("]

    assert re.search("|".join(words), (ROOT / TYPED[verb]).read_text())


def test_a_printed_command_of_dvc_exists() -> None:
    """With its options."""
    parser: Any = get_main_parser()
    found = [
        (name, one[1].split())
        for name, text in MESSAGES
        for one in re.finditer(r"(?:`|: |bin/)dvc ([a-z]+(?: (?:--)?[a-z-]+)*)", text)
    ]
    known = next(one.choices for one in parser._actions if one.dest == "cmd")

    assert len(found) > 5
    for name, (command, *words) in found:
        assert command in known, (name, command)
        options = [word for word in words if word.startswith("--")]
        assert set(options) <= {*known[command]._option_string_actions, "--queue"}, (name, words)


def test_a_printed_command_of_git_exists() -> None:
    """Those between backticks or after a colon."""
    listed = ["git", "--list-cmds=main"]
    known = subprocess.run(listed, text=True, capture_output=True, check=True).stdout.split()
    found = {
        (name, one[1])
        for name, text in MESSAGES
        for one in re.finditer(r"(?:`|: |&& )git (?!failed)([a-z-]+)", text)
    }

    assert len(found) > 10
    assert {one for one in found if one[1] not in known} == set()
