"""What projects of earlier releases have changed is at its new place after an update, and acts."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import carried
import clones
import template
import warm
from carried import EDITS, Edit
from clones import FAST, call
from common import ROOT
from mlops.template.moves import TABLE, read
from moved import modules, today

RELEASES = ("v0.3.0", "v0.4.0")


@dataclass(frozen=True)
class Updated:
    """A project after its update, what that printed, and the edits that its release allowed."""

    project: Path
    output: str
    made: list[str]


def commit(release: str) -> str:
    """Return the commit of a release."""
    found = template.release_commits(ROOT).get(release)
    if found is None:
        pytest.skip(f"this checkout is cut off: its history does not reach back to {release}")
    return found


def updated(folder: Path, release: str, edits: Mapping[str, Edit]) -> Updated:
    """Make a project of a release, change it, and bring this work tree's code into it."""
    old = carried.rendered(folder / "old", release, commit(release))
    new = carried.rendered(folder / "new", "v1000.0.0")
    project = folder / "project"
    shutil.copytree(old, project)
    carried.committed(project, "New project")
    made = [name for name, edit in edits.items() if edit.possible(project)]
    for name in made:
        edits[name].make(project)
    carried.committed(project, "Our work")
    merge = str(new / "src" / "mlops" / "template" / "merge.py")
    return Updated(project, carried.ran(project, new, "-BP", merge, str(old), str(new)), made)


def migrated(update: Updated) -> Updated:
    """Run `make migrate` behind it."""
    told = carried.ran(update.project, update.project, "-m", "mlops.template.migrate")
    return replace(update, output=update.output + told)


@pytest.fixture(name="updates", scope="module")
def _updates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Updated]:
    """A project of each release with all edits."""
    return {
        name: migrated(updated(tmp_path_factory.mktemp(name), name, EDITS)) for name in RELEASES
    }


@pytest.fixture(name="working", scope="module")
def _working(updates: dict[str, Updated]) -> dict[str, Updated]:
    """The same projects, with an environment to run their code in."""
    for update in updates.values():
        clones.settled(update.project, warm.lend)
    return updates


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_where_its_file_went(
    updates: dict[str, Updated], name: str, release: str
) -> None:
    """Nothing lost and no conflict: in a file that moved, was split, or names what moved."""
    found, edit = updates[release], EDITS[name]
    if name not in found.made:
        pytest.skip(f"{release} has no such place")

    for file, text in edit.there:
        assert text in (found.project / file).read_text(), found.output


@pytest.mark.parametrize("release", RELEASES)
def test_what_was_rewritten_is_told_with_its_place(
    updates: dict[str, Updated], release: str
) -> None:
    """Which file went where, and each line that names a module by another name now."""
    output = updates[release].output

    assert "src/ml/network/custom.py is now src/ml/model/custom.py, with your changes" in output
    assert "src/ml/network/mine.py is now src/ml/model/mine.py\n" in output
    assert "docs/ours.md:1: ml.errors.run is now mlops.core.errors.run\n" in output
    assert "tests/test_mine.py:3: from mlops.tracking import runs as tracking\n" in output
    assert "both this project and the template changed" not in output


@pytest.mark.slow
@pytest.mark.parametrize("release", RELEASES)
def test_the_project_passes_its_linters(working: dict[str, Updated], release: str) -> None:
    """`make check` looks at the code as the update leaves it."""
    project = working[release].project

    call(project, "ruff", "check", "--quiet", "src", "tests/test_mine.py")
    call(project, "ruff", "format", "--check", "--quiet", "src", "tests/test_mine.py")
    call(project, "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_mine.py")


# Edits for which no place can be found: the file keeps both, or a line tells where to look.
UNDECIDED = {
    "the same line": Edit("src/ml/judging/scores.py", '"""The scores', '"""Our scores'),
    "what is no more": Edit("src/ml/serving/forms.py", "OF_FIELDS = {", "OF_FIELDS = {**{}} | {"),
    "a test that is no more": Edit("tests/test_journal.py", '"""', '"""Ours. '),
    "a taken place": Edit("src/ml/model/mine.py", "", '"""Ours already."""\n'),
    "its rival": Edit("src/ml/network/mine.py", "", '"""Ours."""\n'),
    "halves": Edit("docs/ours.md", "", "`ml.gating.criteria`\n"),
    "a name that is gone": Edit(
        "tests/test_mine.py", "", "from ml.serving.forms import OF_FIELDS\n"
    ),
}


def test_what_cannot_be_placed_is_told_by_name(tmp_path: Path) -> None:
    """Files with both texts, files that the template no longer has, lines that nothing fits."""
    found = updated(tmp_path, "v0.4.0", UNDECIDED)
    for file, text in (
        ("src/ml/evaluation/scores.py", '"""Our scores'),
        ("src/ml/evaluation/scores.py", "<<<<<<<"),
        ("src/ml/api/schemas.py", "OF_FIELDS = {**{}} | {"),
    ):
        assert text in (found.project / file).read_text()

    told = carried.ran(found.project, found.project, "-m", "mlops.template.migrate")
    assert "src/ml/api/schemas.py:22: this is not valid Python" in told
    mine = call(found.project, "git", "diff", "--name-only", "--diff-filter=U").split()
    gone = [name for name in mine if name.startswith("tests/")]  # the template has them no more
    call(found.project, "git", "rm", "--quiet", "--force", "--", *gone)
    call(found.project, "git", "checkout", "--theirs", "--", *sorted({*mine} - {*gone}))
    found = migrated(found)

    for words in (
        "changed the same lines of src/ml/api/schemas.py, src/ml/evaluation/scores.py",
        "test_journal.py",
        "src/ml/network/mine.py stays where it is: src/ml/model/mine.py exists",
        "docs/ours.md:1: ml.gating.criteria is in several places now: ml.evaluation.criteria, ",
        "tests/test_mine.py:1: ml.serving.forms.OF_FIELDS no longer exists or was split",
    ):
        assert words in found.output, found.output


@pytest.mark.parametrize("release", RELEASES)
def test_the_table_knows_where_each_module_went(release: str) -> None:
    """Of earlier releases; `python tests/mlops/support/moved.py` writes it anew."""
    table, here = read(ROOT / TABLE), today()

    assert modules(commit(release)) - here - set(table) == set()
    assert {one for old in table if old[-1] != "*" for one in table[old]} <= here


def test_the_template_names_no_module_of_earlier_releases() -> None:
    """So `make migrate` has nothing to do in a project that has changed nothing."""
    code = (
        "from mlops.template import imports, own_files\n"
        "print([imports.renewed(path).notes for path in own_files.files()])"
    )

    assert set(call(ROOT, "python", "-c", code)) <= set("[], \n")


@pytest.mark.slow
@pytest.mark.parametrize("release", RELEASES)
def test_the_edits_act(
    working: dict[str, Updated], release: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network trains, the score is measured, the form answers, the gate reads its bound."""
    project = working[release].project
    carried.committed(project, "Update")
    monkeypatch.setenv("MLFLOW_OFFLINE", "1")

    call(project, "make", "validate", SET="")
    own = f"{FAST} model=custom model.custom=mine model.options={{hidden:16}}"
    call(project, "make", "train", SET=own)

    metrics = json.loads((project / "reports" / "metrics.json").read_text())
    if "a score" in working[release].made:
        assert 0.9 < metrics["top2"] <= 1
    acts = """
from ml import config, project, train
from mlops.serving.schemas import check
from mlops.serving.settings import Settings
print("step", *train.optimizer.__code__.co_consts)
print("bound", config.load().gate.min_top2)
print("forms", sorted(project.requests()))
"""
    told = call(project, "python", "-c", acts)
    assert "our own step" in told
    assert "bound 0.5" in told
    assert ("Review" in told) == ("a request's form" in working[release].made)
