"""The template by its own commands: what a project has changed, and no password in its answers."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

import template
from clones import call
from common import ROOT
from door import Answer, Project, project

pytestmark = pytest.mark.field
TOKEN = "ghp_SECRETSECRET1234"
AWAY = f"https://x-access-token:{TOKEN}@github.com/acme/template.git"


@dataclass(frozen=True)
class Case:
    """A line of shell in the template and one in the project, on files of this case alone.

    After the update `there` are texts that files must hold, `gone` files that must not be there;
    `says` must all be printed. Cases that `stop` the update with an error are updated together.
    """

    name: str
    theirs: str
    ours: str
    there: tuple[tuple[str, str], ...] = ()
    gone: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    stops: bool = False


CASES = (
    Case(
        "renamed there, changed here",
        "git mv src/mlops/ci/audit.py src/mlops/ci/checks.py",
        "echo '# our change' >>src/mlops/ci/audit.py",
        there=(("src/mlops/ci/checks.py", "# our change"),),
        gone=("src/mlops/ci/audit.py",),
        says=("src/mlops/ci/audit.py is now src/mlops/ci/checks.py",),
    ),
    Case(
        "a folder renamed there, a file of one's own in it",
        "git mv src/mlops/storage src/mlops/store",
        "echo '# ours' >src/mlops/storage/own.py; echo '# our change' >>src/mlops/storage/share.py",
        there=(
            ("src/mlops/storage/own.py", "# ours"),
            ("src/mlops/store/share.py", "# our change"),
        ),
    ),
    Case(
        "changed there, renamed here",
        "echo '# their change' >>src/mlops/client/predict.py",
        "git mv src/mlops/client/predict.py src/mlops/client/asking.py",
        there=(("src/mlops/client/asking.py", "# their change"),),
        gone=("src/mlops/client/predict.py",),
        says=("src/mlops/client/asking.py got the template's changes",),
    ),
    Case(
        "changed there, removed here",
        "echo 'their line' >>docs/help.md",
        "git rm -q docs/help.md",
        gone=("docs/help.md",),
        says=("docs/help.md stays deleted",),
    ),
    Case(
        "renamed there, removed here",
        "git mv docs/storage.md docs/stores.md; echo 'their line' >>docs/stores.md",
        "git rm -q docs/storage.md",
        gone=("docs/storage.md", "docs/stores.md"),
    ),
    Case(
        "made executable here, changed there",
        "echo '# their change' >>src/mlops/tracking/ui.py",
        "chmod +x src/mlops/tracking/ui.py; ln -s ui.py src/mlops/tracking/link.py",
        there=(
            ("src/mlops/tracking/ui.py", "# their change"),
            ("src/mlops/tracking/link.py", "# their change"),
        ),
    ),
    Case(
        "removed there, changed here",
        "git rm -q docs/tracking.md docs/platform.md",
        "echo 'our own help' >>docs/tracking.md",
        there=(("docs/tracking.md", "our own help"),),
        gone=("docs/platform.md",),
        says=("the template removed docs/tracking.md",),
        stops=True,
    ),
    Case(
        "added by both",
        "echo theirs >docs/news.md",
        "echo ours >docs/news.md",
        there=(("docs/news.md", "ours"), ("docs/news.md", "theirs"), ("docs/news.md", "<<<<<<<")),
        says=("docs/news.md",),
        stops=True,
    ),
    Case(
        "renamed by both",
        "git mv docs/lineage.md docs/origin.md",
        "git mv docs/lineage.md docs/source.md; echo 'our line' >>docs/source.md",
        there=(("docs/source.md", "our line"),),
        says=("docs/source.md",),
        stops=True,
    ),
    Case(
        "a binary file changed by both",
        r"printf '\0theirs' >docs/logo.bin",
        r"printf '\0ours' >docs/logo.bin",
        there=(("docs/logo.bin", "ours"),),
        says=("docs/logo.bin",),
        stops=True,
    ),
)


@pytest.fixture(name="origin", scope="module")
def _origin(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A clone of the template with copier, and its first release."""
    call(ROOT, "make", "--silent", ".venv/copier/installed")
    home = project(tmp_path_factory.mktemp("template") / "template")
    _lend(home.folder)
    call(home.folder, "git", "tag", "v900.0.0")
    return home


@pytest.fixture(name="made", scope="module")
def _made(origin: Project) -> Project:
    """A project of that release."""
    folder = origin.folder.parent / "made"
    answer = origin.run("make", "new", "NAME=mine", f"DEST={folder}", f"TEMPLATE={origin.folder}")
    assert answer.code == 0, answer.output
    _lend(folder)
    return Project(folder)


def _lend(folder: Path) -> None:
    """Lend the copier of these tests, newer than its lock."""
    place = folder / ".venv" / "copier"
    place.mkdir(parents=True)
    for name in ("bin", "lib", "pyvenv.cfg"):
        (place / name).symlink_to(ROOT / ".venv" / "copier" / name)
    for mark in ("copier/installed", "installed-cpu"):
        if (ROOT / ".venv" / mark).exists():
            shutil.copyfile(ROOT / ".venv" / mark, folder / ".venv" / mark)
            os.utime(folder / ".venv" / mark, (template.FUTURE, template.FUTURE))


def updated(origin: Project, made: Project, theirs: str, ours: str) -> tuple[Answer, Path]:
    """Release, work in a clone of the project, update it; return what was said, and the clone."""
    folder = made.folder.with_name(f"updated-{len(list(made.folder.parent.iterdir()))}")
    call(made.folder.parent, "git", "clone", "--quiet", str(made.folder), str(folder))
    _lend(folder)
    call(origin.folder, "git", "reset", "--quiet", "--hard", "v900.0.0")
    for place, line in ((origin.folder, theirs), (folder, ours)):
        call(place, "bash", "-euc", line)
        call(place, "git", "add", "--all")
        call(place, "git", "commit", "--quiet", "--message", "Work")
    call(origin.folder, "git", "tag", "--force", "v901.0.0")
    # Without the `make migrate` behind it, which takes seconds, and is tested elsewhere.
    return Project(folder).shell("PYTHONPATH=src python3 -P src/mlops/template/update.py"), folder


@pytest.fixture(name="outcomes", scope="module")
def _outcomes(origin: Project, made: Project) -> dict[bool, tuple[Answer, Path]]:
    """Two updates: of the cases that stop one, and of all others."""
    return {
        stops: updated(
            origin,
            made,
            "\n".join(case.theirs for case in CASES if case.stops == stops),
            "\n".join(case.ours for case in CASES if case.stops == stops),
        )
        for stops in (False, True)
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_an_update(case: Case, outcomes: dict[bool, tuple[Answer, Path]]) -> None:
    """No change of the project goes without a word, whatever the template did to the file."""
    answer, folder = outcomes[case.stops]

    assert "Traceback" not in answer.output
    assert bool(answer.code) == case.stops, answer.output
    assert not [text for text in case.says if text not in answer.output], answer.output
    for name, text in case.there:
        assert text in (folder / name).read_text(), name
    assert not [name for name in case.gone if (folder / name).exists()]


def test_an_update_writes_over_no_file_that_git_ignores(origin: Project, made: Project) -> None:
    """Git could not bring it back."""
    brought = "mkdir data; echo theirs >data/mine.csv; git add --force data/mine.csv"
    answer, folder = updated(origin, made, brought, "mkdir data; echo >ours; echo >data/mine.csv")

    assert answer.code
    assert "the template brings data/mine.csv, which Git ignores here" in answer.output
    assert (folder / "data" / "mine.csv").read_text() == "\n"


def test_a_token_in_the_address_of_the_template_stays_out(origin: Project) -> None:
    """Neither the answers of a new project nor its first commit nor what is printed have it."""
    call(origin.folder, "git", "remote", "set-url", "origin", AWAY)
    folder = origin.folder.parent / "leaky"

    answer = origin.run("make", "new", "NAME=leaky", f"DEST={folder}")

    assert answer.code == 0, answer.output
    assert TOKEN not in answer.output + call(folder, "git", "show", "HEAD:.copier-answers.yml")
    assert "_src_path: https://github.com/acme/" in (folder / ".copier-answers.yml").read_text()


def test_an_update_refuses_an_old_answer_with_a_token(made: Project) -> None:
    """It was committed by an earlier release, so it has to be revoked."""
    answers = made.folder / ".copier-answers.yml"
    text = answers.read_text().replace("_src_path: ", f"_src_path: {AWAY} # ")
    answers.write_text(text)
    call(made.folder, "git", "commit", "--quiet", "--all", "--message", "as it was")

    answer = made.run("make", "update")

    assert answer.code
    assert "revoke it" in answer.output
    assert TOKEN not in answer.output
