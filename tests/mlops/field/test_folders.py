"""Where data and projects lie: what is read is what was hashed, and the code is this folder's."""

import json
import re
import shutil
from pathlib import Path

import pytest

from door import Answer, Project, install, project

pytestmark = pytest.mark.field


def csv(rows: int) -> str:
    """Return a plain file of different texts of two classes."""
    lines = [f"a film of number {n},{('neg', 'pos')[n % 2]}" for n in range(rows)]
    return "\n".join(["text,label", *lines, ""])


def ingested(home: Project) -> dict[str, int]:
    """Return how many rows each split has got."""
    found: dict[str, int] = json.loads((home.folder / "data" / "raw" / "source.json").read_text())[
        "rows"
    ]
    return found


@pytest.fixture(name="home", scope="module")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One clone for all cases, below a folder that is the user's home."""
    return project(tmp_path_factory.mktemp("folders") / "project")


# Three sources at once: how the experiment names them, and where the files lie, from the project.
SOURCES = (
    ({"train": "~/t 1.csv", "val": "file:v.csv", "test": "../w.csv"},
     {"train": "../t 1.csv", "val": "v.csv", "test": "../w.csv"}),
    ({"train": "data/link.csv", "val": "file://~/v2.csv", "test": "file://{home}/a b"},
     {"train": "../real.csv", "val": "../v2.csv", "test": "../a b/shard.csv"}),
)  # fmt: skip


@pytest.mark.parametrize(("named", "files"), SOURCES, ids=["paths", "links"])
def test_changed_data_are_read_again(
    named: dict[str, str], files: dict[str, str], home: Project
) -> None:
    """However a local source is named: what has changed is trained on, and nothing else."""
    user = home.folder.parent
    places = {role: home.folder / place for role, place in files.items()}
    for number, path in enumerate(places.values()):
        path.parent.mkdir(exist_ok=True)
        path.write_text(csv(20 + number))
    link = home.folder / "data" / "link.csv"
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(user / "real.csv")
    data = {f"{role}_path": name.format(home=user) for role, name in named.items()}
    home.experiment("field", data=data)

    first = run(home)
    assert ingested(home) == {"train": 20, "val": 21, "test": 22}
    assert "Stage 'ingest' didn't change" in run(home).output
    for role, path in places.items():  # one at a time: each must be seen by itself
        path.write_text(csv(10))
        run(home)
        assert ingested(home)[role] == 10
    assert "Running stage 'ingest'" in first.output


def run(home: Project) -> Answer:
    """Ingest, with the home folder that the sources mean."""
    answer = home.run("dvc", "repro", "ingest", EXP="field", HOME=str(home.folder.parent))
    assert answer.code == 0, answer.output[-3000:]
    return answer


def test_a_queued_experiment_reads_the_file_of_today(home: Project) -> None:
    """In README's own place for data, which DVC's copy lacks; its code is what was queued."""
    data = home.folder / "data" / "reviews.csv"
    data.parent.mkdir(exist_ok=True)
    data.write_text(csv(40))
    home.experiment("field", data={"train_path": "data/reviews.csv"})
    before = home.shell("git add -A && git commit -qm data && dvc repro -q ingest", EXP="field")
    assert before.code == 0, before.output
    values = ("-S", "experiment@_global_=field", "-S", "data.val_fraction=0.5")
    queued = home.run("dvc", "exp", "run", "--queue", *values, "ingest")
    assert queued.code == 0, queued.output
    data.write_text(csv(12))
    code = home.folder / "src" / "ml" / "ingest.py"
    text = code.read_text()
    code.write_text('raise SystemExit("edited after it was queued")\n')

    answer = home.run("dvc", "exp", "run", "--run-all")
    code.write_text(text)

    told = re.search(r"ingested (\d+) train, (\d+) val, (\d+) test", answer.output)
    assert told, answer.output[-3000:]
    assert sum(map(int, told.groups())) == 12


@pytest.fixture(name="copied")
def _copied(home: Project, tmp_path: Path) -> Project:
    """A copy of the project, as `cp -r` makes it: the environment comes along."""
    return Project(Path(shutil.copytree(home.folder, tmp_path / "a copy", symlinks=True)))


def test_a_copied_folder_is_told(home: Project, copied: Project) -> None:
    """No verb and no stage runs the code of the original, and the cure works."""
    active = home.environment()["PATH"]  # that of the original, as after `activate`
    told = f"this environment belongs to {home.folder}"

    for words in (["make", "train"], ["make", "validate"], ["make", "install"]):
        answer = copied.run(*words)
        assert answer.code != 0
        assert (
            f"error: {told}: the folder was copied or moved; rm -rf .venv && make" in answer.output
        )
    stage = copied.run("dvc", "repro", "compose", PATH=active)
    assert stage.code != 0
    assert f"{told} and would run its code, not that of {copied.folder}" in stage.output
    assert f"NO    environment    belongs to {home.folder}" in copied.run("make", "doctor").output

    shutil.rmtree(copied.folder / ".venv")
    install(copied.folder)
    assert copied.run("make", "validate", "EXP=default", "ENV=dev").code == 0


def test_a_moved_folder_is_told(copied: Project, tmp_path: Path) -> None:
    """The environment was made where nothing is any more."""
    shutil.rmtree(copied.folder / ".venv")
    install(copied.folder)
    moved = Project(copied.folder.rename(tmp_path / "moved"))
    answer = moved.run("make", "validate")

    assert answer.code != 0
    assert f"belongs to {copied.folder}: the folder was copied or moved" in answer.output


def test_a_zip_of_github_is_told(copied: Project) -> None:
    """It has no repository; DVC needs one."""
    shutil.rmtree(copied.folder / ".venv")
    install(copied.folder)
    shutil.rmtree(copied.folder / ".git")
    answer = copied.run("make", "train")

    assert answer.code != 0
    assert "error: this folder is not in a Git repository" in answer.output
    assert "git init && git add -A && git commit" in answer.output
    assert "is not a git repository" not in answer.output


def test_a_garbled_lock_is_told(home: Project) -> None:
    """With the command that brings it back."""
    lock = home.folder / "dvc.lock"
    before = lock.read_bytes() if lock.exists() else None
    lock.write_bytes(b"schema: '2.0'\nstages:\n  compose: [")
    answer = home.run("make", "train")
    lock.unlink()
    if before is not None:
        lock.write_bytes(before)

    assert answer.code != 0
    assert "error: dvc.lock is damaged; git checkout dvc.lock" in answer.output


def test_python_without_docstrings(home: Project) -> None:
    """Verbs of make do without the variable; a stage that a person starts refuses it."""
    assert home.run("make", "validate", "EXP=default", "ENV=dev", PYTHONOPTIMIZE="2").code == 0
    answer = home.run("dvc", "repro", "compose", PYTHONOPTIMIZE="2")

    assert answer.code != 0
    assert "unset PYTHONOPTIMIZE" in answer.output
