"""The repository as a template: projects that are made of it, adopted and updated. Slow."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import clones
import template
from clones import call
from common import ROOT
from template import ANSWERS, copied

pytestmark = pytest.mark.slow
DOCUMENT = (ROOT / "docs" / "update.md").read_text()


@pytest.fixture(name="scratch")
def _scratch(tmp_path: Path) -> Path:
    """A clone of the template."""
    return clones.clone(tmp_path / "template")


def files(folder: Path) -> dict[str, bytes]:
    """Return what Git has, by name."""
    names = call(folder, "git", "ls-files").split()
    return {name: (folder / name).read_bytes() for name in names}


def told(project: Path, *command: str, **variables: str) -> str:
    """Return the sentence of a command that must fail."""
    environ = {**clones.environment(project), **variables}
    done = subprocess.run(
        command, cwd=project, env=environ, text=True, capture_output=True, check=False
    )
    assert done.returncode, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr


def test_the_defaults_give_this_repository(scratch: Path, tmp_path: Path) -> None:
    """Byte for byte what `_exclude` leaves, except for the README and the answers."""
    made = files(copied(scratch, tmp_path / "made"))
    here = files(scratch)

    assert set(made) == template.inherited() | {".copier-answers.yml"}
    assert [n for n in made if here.get(n, made[n]) != made[n]] == [
        ".github/branch-policy.json",  # without the check of the machinery's suites
        "README.md",
    ]


def test_each_answer_is_where_it_belongs(scratch: Path, tmp_path: Path) -> None:
    """What follows from them is what the code would write; the template's name is gone."""
    project = copied(scratch, tmp_path / "made", **ANSWERS)
    before = files(project)

    call(project, "make", "migrate", SET="")

    assert files(project) == before
    for name, answers in {
        "conf/project.yaml": [f'"{ANSWERS[name]}"' for name in ANSWERS if name != "PLATFORM"],
        ".dvc/config": ["s3://acme-ml-prod/support-mail/dvc"],
        "params.yaml": ["ghcr.io/acme/support-mail/classifier"],
        "README.md": ["# support-mail", "github.com/acme/support-mail.git", ANSWERS["DESCRIPTION"]],
        "CODEOWNERS": ["* @acme/ml-team\n", "/src/mlops/ @acme/platform\n"],
    }.items():
        for answer in answers:
            assert answer in before[name].decode(), name
    own = {".copier-answers.yml", "src/mlops/template/copier.py"}
    named = {name for name, text in before.items() if b"mlops-research-template" in text}
    assert {name for name in named if not name.startswith("docs/")} <= own  # pages point there


@pytest.mark.nightly
def test_a_new_project_trains(scratch: Path, tmp_path: Path) -> None:
    """`make new` commits it, and `make train` needs nothing more."""
    template.lent(scratch)
    words = [f"{name}={answer}" for name, answer in ANSWERS.items()]
    output = call(scratch, "make", "new", *words, f"DEST={tmp_path / 'made'}", SET="")
    project = template.lent(tmp_path / "made")

    assert f"{project} is a new project. Next: cd {project} && make train" in output
    assert call(project, "git", "status", "--porcelain") == ""
    assert "report  reports/report.html" in call(project, "make", "train", "ENV=dev")


def test_make_init_ends_where_copier_ends(scratch: Path, tmp_path: Path) -> None:
    """GitHub's copy has all files and no history; the commit is found by its files."""
    by_copier = files(copied(scratch, tmp_path / "by-copier", **ANSWERS))
    copy = tmp_path / "by-github"
    shutil.copytree(scratch, copy, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    call(copy, "git", "init", "--quiet", "--initial-branch", "main")
    template.committed(copy, "Initial commit")
    template.lent(copy)

    words = [f"{name}={answer}" for name, answer in ANSWERS.items()]
    output = call(copy, "make", "init", *words, f"TEMPLATE={scratch}", SET="")
    template.committed(copy, "Our project")

    # Somebody may have worked in the copy already.
    assert re.search(r"^removed: .*CHANGELOG\.md", output, re.M)
    assert re.search(r"^rewritten: .*README\.md", output, re.M)

    assert files(copy) == by_copier
    assert "init" in told(copy, "make", "init", "NAME=x")  # a verb of the template alone


def test_a_template_out_of_reach_leaves_the_version(scratch: Path, tmp_path: Path) -> None:
    """Updates then start at the release that pyproject.toml names."""
    template.lent(scratch)
    gone = "http://bob:hunter2@127.0.0.1:9/gone.git"  # pragma: allowlist secret
    output = call(scratch, "make", "init", "NAME=x", f"TEMPLATE={gone}", SET="")

    assert "no commit of http://127.0.0.1:9/gone.git has these files: updates will start" in output
    assert "hunter2" not in output + (scratch / ".copier-answers.yml").read_text()
    assert "\n_commit: v" in (scratch / ".copier-answers.yml").read_text()


@pytest.fixture(name="released")
def _released(scratch: Path) -> tuple[Path, list[str]]:
    """A template with its last two releases and a next one."""
    found = template.releases(scratch)
    if len(found) < 2:
        pytest.skip("this checkout is cut off: its history does not reach back two releases")
    return scratch, [*found, template.next_release(scratch)]


# Files of the template that the project goes on writing in.
SHARED = ("conf/experiment/default.yaml", "src/ml/train.py")
OURS = "# our own line\n"
EXPERIMENT = "training:\n  loss_function: focal\n  focal_gamma: 3.0  # ours\n"


def edited(project: Path) -> dict[str, str]:
    """Work in a project as its team does; return what must still be there after an update."""
    texts = {
        "conf/experiment/mine.yaml": EXPERIMENT,
        "src/ml/model/mine.py": '"""Our own model."""\n',
        "data/mine.csv": "text,label\nfine,good\n",
        "dvc.lock": "schema: '2.0'\n",
    }
    for name, text in texts.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text)
    for name in SHARED:
        (project / name).write_text((project / name).read_text() + OURS)
    (project / "conf" / "experiment" / "xlnet-classifier.yaml").unlink()
    template.committed(project, "Our work")
    call(project, "git", "add", "--force", "data/mine.csv")
    call(project, "git", "commit", "--quiet", "--amend", "--no-edit")
    return texts


def newest(project: Path, source: Path) -> tuple[str, ...]:
    """Return the command that an old project's `make update` asks for, once it has a clone."""
    before = files(project)
    sentence = told(project, "make", "update", SET="")
    clone = f"git clone {source} .venv/template"

    assert f"{clone} && make -f .venv/template/Makefile update" in sentence
    assert files(project) == before
    call(project, *clone.split())
    return "make", "-f", ".venv/template/Makefile", "update"


@pytest.mark.parametrize(
    "release",
    [pytest.param(0, marks=pytest.mark.nightly), 1],
    ids=["last but one", "last"],
)
def test_an_update_loses_nothing_of_a_projects_own(
    released: tuple[Path, list[str]], tmp_path: Path, release: int
) -> None:
    """What is new comes, renamed keys are renamed, and the configuration is valid."""
    source, versions = released
    project = copied(source, tmp_path / "made", versions[release], **ANSWERS)
    texts = edited(project)

    output = call(project, *newest(project, source), SET="")

    assert f"from the template's {versions[release]} to {versions[2]}" in output
    texts["conf/experiment/mine.yaml"] = EXPERIMENT.replace("focal_gamma", "focal_power")
    for name, text in texts.items():
        assert (project / name).read_text() == text, name
    shared = [(project / name).read_text() for name in SHARED]
    assert all(text.endswith(OURS) for text in shared)
    assert shared[0].startswith("# yaml-language-server")  # new since the last release but one
    assert "New in the template. " in shared[1]
    assert (project / "docs" / "news.md").exists()
    assert not (project / "conf" / "experiment" / "xlnet-classifier.yaml").exists()
    assert not (project / "CHANGELOG.md").exists()
    assert "support-mail" in (project / "params.yaml").read_text()
    assert "focal_power" in (project / "params.yaml").read_text()
    call(project, "make", "validate", "EXP=mine", SET="")
    commit = re.findall(r"^git (?:add|commit).*$", DOCUMENT, re.M)
    call(project, "bash", "-euc", "\n".join(commit))
    assert call(project, "git", "status", "--porcelain") == ""  # new files are in it too
    (project / "conf" / "experiment" / "mine.yaml").write_text("training:\n  epochs: 77\n")
    template.committed(project, "Our experiment")
    assert "is up to date with the template" in call(project, "make", "update", SET="")
    assert "epochs: 77" in (project / "params.yaml").read_text()  # what the branch trains


def test_the_same_lines_are_a_conflict_in_plain_words(
    released: tuple[Path, list[str]], tmp_path: Path
) -> None:
    """Both are in the file; what to do is said; nothing else is touched by it."""
    source, versions = released
    project = copied(source, tmp_path / "made", versions[1], **ANSWERS)
    train = project / "src" / "ml" / "train.py"
    train.write_text(train.read_text().replace('"""', '"""Ours. ', 1))
    template.committed(project, "Our work")

    sentence = told(project, *newest(project, source), SET="")

    assert (
        "changed the same lines of src/ml/train.py; in each, resolve the part between" in sentence
    )
    for words in ("Ours. ", "New in the template. ", "<<<<<<<", ">>>>>>>"):
        assert words in train.read_text()
    assert (project / "docs" / "news.md").exists()


def test_what_cannot_be_done_is_told(scratch: Path, tmp_path: Path) -> None:
    """No place or a taken one, a name that cannot be one, uncommitted changes, no template."""
    template.lent(scratch)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()

    assert "DEST is missing" in told(scratch, "make", "new", NAME="shell's own")
    taken = f"DEST={tmp_path / 'taken'}"
    assert "is not empty; choose another DEST" in told(scratch, "make", "new", taken)
    wrong = told(scratch, "make", "new", "NAME=My Project", f"DEST={tmp_path / 'made'}")
    assert "a letter first" in wrong
    assert "make init" in told(scratch, "make", "update")
    (scratch / "README.md").write_text("changed")
    assert "found uncommitted changes (`M README.md`)" in told(scratch, "make", "init", "NAME=x")


@pytest.mark.nightly
def test_the_commands_of_a_new_projects_readme_work(scratch: Path, tmp_path: Path) -> None:
    """As typed, each of them; and nothing of the machinery differs from its release."""
    project = copied(scratch, tmp_path / "made", **ANSWERS)
    blocks = re.findall(r"```(?:bash|sh)\n(.*?)```", (project / "README.md").read_text(), re.S)
    commands = [line for block in blocks for line in block.splitlines() if line.startswith("make")]

    printed = {line: call(project, "bash", "-euc", line) for line in commands}

    assert {line.split()[1] for line in commands} >= {"train", "test", "validate", "smoke"}
    assert "are as released" in printed["make doctor"]
