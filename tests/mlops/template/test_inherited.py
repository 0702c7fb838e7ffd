"""What a project gets of the template: little, and nothing that leads nowhere."""

import re
from pathlib import Path

import pytest

import template
from commands_page import words_of_make
from common import ROOT

# A README is made of its own template.
FILES = template.inherited() - {"README.md"}
# Without the room `operate`. Raised only for what is new; 14,000 is where it should be.
MACHINERY = 26_926
# What stays there.
SOURCE = "https://github.com/MLops-Project-Platform/mlops-research-template/blob/main/"


def lines(*names: str) -> int:
    """Count lines."""
    return sum(len((ROOT / name).read_text().splitlines()) for name in names)


def python(*folders: str) -> list[str]:
    """Return the files of Python below some folders."""
    return [name for name in sorted(FILES) if name.endswith(".py") and name.startswith(folders)]


def test_a_project_owns_little_code() -> None:
    """src/ml and its tests; all other Python is the template's, and lies in src."""
    assert lines(*python("src/ml/", "tests/")) <= 4000
    operate = ("src/mlops/operate/",)
    assert lines(*python("src/mlops/")) - lines(*python(*operate)) <= MACHINERY
    assert python("") == python(
        "src/ml/", "src/mlops/", "src/hydra_plugins/", "tests/", "src/train.py", "scripts/"
    )
    assert not [name for name in FILES if name.startswith(("tests/mlops", "benchmarks"))]


def test_the_readme_of_a_project_is_short() -> None:
    """40 lines."""
    assert lines("README.md.jinja") <= 40


def test_a_project_owns_few_files() -> None:
    """Beside src and the locks a person can look through them."""
    rest = [name for name in FILES if not name.startswith(("src/", "requirements/"))]

    assert len(rest) <= 106


def texts() -> list[str]:
    """Return what a person reads in a project."""
    return [*sorted(name for name in FILES if name.endswith(".md")), "README.md.jinja"]


def read(name: str) -> str:
    """Return a document without its remarks for those who write it."""
    return re.sub(r"<!--.*?-->", "", (ROOT / name).read_text(), flags=re.S)


@pytest.mark.parametrize("name", texts())
def test_a_link_leads_to_what_a_project_has(name: str) -> None:
    """Or to the template's page."""
    known = {*FILES, *(parent for one in FILES for parent in map(str, Path(one).parents))}
    links = re.findall(r"\]\(([^)#]+)", read(name))
    here = [link for link in links if not link.startswith("https://")]

    for link in here:
        assert str((ROOT / name).parent.joinpath(link).resolve().relative_to(ROOT)) in known, link
    for link in set(links) - set(here):
        assert not link.startswith(SOURCE) or (ROOT / link.removeprefix(SOURCE)).exists(), link


@pytest.mark.parametrize("name", texts())
def test_a_document_names_only_verbs_of_a_project(name: str) -> None:
    """Those of template.mk are not there."""
    own = set(words_of_make("template.mk"))
    named = set(re.findall(r"\bmake ([a-z][a-z0-9-]+)", read(name)))

    assert not named & own


def test_nothing_of_a_project_names_what_only_the_template_has() -> None:
    """Neither a document nor a workflow nor a setting nor code."""
    gone = ("tests/mlops/", "local_platform", "deploy/compose", "decisions.md", "platform.md",
            "template.md", ".ci/run", "benchmarks/")  # fmt: skip
    settings = {
        "pyproject.toml", "Makefile", "docs/architecture.md", "src/mlops/template/own_files.py"
    }  # fmt: skip
    wrong = [
        (name, word)
        for name in sorted(FILES - settings)
        if name.endswith((".md", ".yml", ".yaml", ".py", ".sh", ".toml"))
        for word in gone
        if re.search(rf"(?<!main/){re.escape(word)}", read(name))
    ]

    assert wrong == []


def test_each_image_is_shown() -> None:
    """By a document that a project gets."""
    shown = "".join(read(name) for name in texts())

    assert [n for n in FILES if "docs/images/" in n and Path(n).name not in shown] == []


def test_a_workflow_of_a_project_types_its_own_verbs() -> None:
    """Those of the Makefile without template.mk."""
    verbs = set(words_of_make("Makefile"))
    files = [name for name in FILES if name.startswith((".github/", ".gitlab"))]
    called = {v for name in files for v in re.findall(r"(?:run: |- )make ([a-z0-9-]+)", read(name))}

    assert called
    assert called <= verbs
