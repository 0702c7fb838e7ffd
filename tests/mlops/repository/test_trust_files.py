"""The files by which strangers and agents know a repository: what they say is true."""

import json
import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

import template
from commands_page import words_of_make
from common import ROOT

AGENTS = (ROOT / "AGENTS.md").read_text()
OWN = {"AGENTS.md", "SECURITY.md", ".devcontainer/devcontainer.json"}
TEMPLATE_ONLY = {
    "CITATION.cff", "CODE_OF_CONDUCT.md", ".github/ISSUE_TEMPLATE/bug.yml",
    ".github/ISSUE_TEMPLATE/config.yml", ".github/workflows/scorecard.yml",
}  # fmt: skip


def test_each_command_for_agents_exists() -> None:
    """With its variables, in a project without template.mk."""
    verbs, text = set(words_of_make("Makefile")), (ROOT / "Makefile").read_text()
    variables = re.findall(r"\w+", re.findall(r"^VARIABLES := (.*)$", text, re.M)[0])
    typed = re.findall(r"\bmake ([a-z][a-z-]*)((?: [A-Z]+=\S+)*)", AGENTS)

    assert len(typed) > 12
    assert {verb for verb, _ in typed} - {"a"} <= verbs
    assert set(re.findall(r"\b([A-Z]+)=", AGENTS)) <= set(variables)


def test_each_path_for_agents_exists() -> None:
    """In a project, or it is made by a run."""
    made = {"data/", "models/", "reports/", ".mlflow/", "dvc.lock", "sources.lock"}
    known = template.inherited()
    known |= {f"{parent}/" for name in known for parent in Path(name).parents}
    named = set(re.findall(r"`([\w./*-]*(?:/|\.\w+))`", AGENTS))
    named |= set(re.findall(r"\]\(([^)#]+)\)", AGENTS))
    named |= set(re.findall(r"pytest -q (\S+?)`", AGENTS))

    assert len(named) > 15
    missing = {name for name in named - made if "*" not in name and name not in known}
    assert missing == set()
    assert list(ROOT.glob("requirements/*.lock"))


def test_agents_are_told_in_a_page() -> None:
    """80 lines."""
    assert len(AGENTS.splitlines()) <= 80


def test_the_limits_that_agents_are_told_are_the_tested_ones() -> None:
    """A stage and a file."""
    house = (ROOT / "tests/mlops/repository/test_house.py").read_text()

    assert "at most 120 lines, a file 200" in AGENTS
    assert "<= 120" in house
    assert "LONGER.get(name, 200)" in house


@pytest.mark.parametrize("name", sorted(OWN | TEMPLATE_ONLY))
def test_a_project_gets_what_is_about_it(name: str) -> None:
    """Citation, conduct, issue forms and Scorecard are about the template."""
    assert (ROOT / name).is_file()
    assert (name in template.inherited()) is (name in OWN)


def test_the_citation_is_of_the_newest_release() -> None:
    """Its version, date and license are those of the changelog and the package."""
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    log = (ROOT / "CHANGELOG.md").read_text()

    released = re.findall(r"^## ([\d.]+) - ([\d-]+)$", log, re.M)[0]
    assert (cited["version"], cited["date-released"]) == released
    assert cited["version"] == package["version"]
    assert cited["license"] == package["license"]


def test_the_devcontainer_installs_and_shows_the_ports() -> None:
    """Those of the service and of MLflow, on a Python that is supported."""
    found = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())

    assert found["postCreateCommand"] == "make install"
    assert set(map(str, found["forwardPorts"])) == set(found["portsAttributes"])
    verbs = set(re.findall(r"make ([a-z]+)", json.dumps(found)))
    assert verbs <= set(words_of_make("Makefile"))
    assert re.search(r"python:3\.1[1-3]-", found["image"])


def test_an_update_note_for_each_release() -> None:
    """From each release to the one after it, up to what is not released yet."""
    log, page = ((ROOT / name).read_text() for name in ("CHANGELOG.md", "docs/update.md"))
    releases = [*reversed(re.findall(r"^## (\d+\.\d+)\.0 - ", log, re.M)), "next"]
    rows = re.findall(r"^\| (\S+) \| (\S+) \| \S", page, re.M)[-len(releases) + 1 :]

    assert rows == list(pairwise(releases))


def test_what_security_names_is_there() -> None:
    """Files, and the words of the documents that it points to."""
    text = (ROOT / "SECURITY.md").read_text()

    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (ROOT / link).is_file(), link
    for verb in re.findall(r"`make ([a-z-]+)`", text):
        assert verb in words_of_make("Makefile")
