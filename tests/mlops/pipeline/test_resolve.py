"""Two features that both trained are merged one after the other, in real clones."""

import subprocess
from pathlib import Path

import pytest
import yaml

import clones
from mlops.core.errors import LineageError
from mlops.pipeline import resolve

FAST = "data:\n  synthetic_rows: 2000\nprepare:\n  sample: 1.0\ntraining:\n  epochs: 1\n"


def feature(project: Path, name: str, training: str) -> None:
    """Add an experiment on a branch of its own from qa, train it, commit all, as the guide does."""
    clones.call(project, "git", "checkout", "--quiet", "-b", f"feature/{name}", "qa")
    path = project / "conf" / "experiment" / f"{name}.yaml"
    path.write_text(f"{FAST}  {training}\n")
    clones.call(project, "make", "train", f"EXP={name}", SET="")
    clones.call(project, "git", "add", "--all")
    clones.call(project, "git", "commit", "--quiet", "--message", name)


def merge(project: Path, name: str) -> int:
    """Merge a feature into qa; return Git's exit code."""
    clones.call(project, "git", "checkout", "--quiet", "qa")
    command = ["git", "merge", "--no-ff", "--no-edit", f"feature/{name}"]
    done = subprocess.run(
        command, cwd=project, env=clones.environment(project), capture_output=True, check=False
    )
    return done.returncode


@pytest.mark.nightly
def test_one_command_solves_the_conflict(tmp_path: Path) -> None:
    """After it the lock is that of the merged pipeline: nothing is left to run."""
    project = clones.installed(tmp_path / "project")
    clones.call(project, "git", "checkout", "--quiet", "-b", "qa")
    feature(project, "one", "learning_rate: 0.002")
    feature(project, "two", "learning_rate: 0.003")

    assert merge(project, "one") == 0
    assert merge(project, "two") != 0
    assert locked_rate(project) == 0.002

    told = clones.call(project, "make", "resolve", SET="")
    clones.call(project, "git", "commit", "--no-edit", "--quiet")

    assert "written anew for two" in told
    assert locked_rate(project) == 0.003
    status = clones.call(project, "git", "status", "--porcelain")
    assert status == ""
    # What the feature had computed was restored, and the next run has nothing to do.
    assert "restored from the cache" in told
    again = clones.call(project, "make", "train", "EXP=two", SET="")
    assert clones.ran(again) == ["compose"]


def locked_rate(project: Path) -> float:
    """Return the learning rate that the lock tells of."""
    lock = yaml.safe_load((project / "dvc.lock").read_text())
    found: float = lock["stages"]["train"]["params"]["params.yaml"]["training"]["learning_rate"]
    return found


@pytest.fixture(name="repository")
def _repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository with one commit, as the current folder."""
    monkeypatch.chdir(tmp_path)
    for name, value in clones.WHO.items():
        monkeypatch.setenv(name, value)
    subprocess.run(["git", "init", "--quiet", "-b", "qa"], check=True)
    commit("start", {"other.txt": "start", "dvc.lock": "start"})
    return tmp_path


def commit(message: str, files: dict[str, str]) -> None:
    """Write files and commit them."""
    for name, text in files.items():
        Path(name).write_text(text)
    subprocess.run(["git", "add", "--all"], check=True)
    subprocess.run(["git", "commit", "--quiet", "--message", message], check=True)


@pytest.mark.usefixtures("repository")
def test_without_a_conflict_there_is_nothing_to_do() -> None:
    """It trains nothing by mistake."""
    with pytest.raises(LineageError, match="nothing to resolve"):
        resolve.main()


@pytest.mark.usefixtures("repository")
def test_what_people_wrote_is_decided_by_people() -> None:
    """A conflict in any other file comes first."""
    subprocess.run(["git", "checkout", "--quiet", "-b", "feature/x"], check=True)
    commit("theirs", {"other.txt": "theirs", "dvc.lock": "theirs"})
    subprocess.run(["git", "checkout", "--quiet", "qa"], check=True)
    commit("ours", {"other.txt": "ours", "dvc.lock": "ours"})
    subprocess.run(["git", "merge", "feature/x"], check=False, capture_output=True)

    with pytest.raises(LineageError, match=r"other\.txt is in conflict too"):
        resolve.main()
