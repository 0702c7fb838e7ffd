"""Rules of `make branches`."""

import subprocess
from pathlib import Path

import pytest

from clones import WHO
from mlops.ci import branches
from mlops.core.errors import HostError, StorageError


@pytest.fixture(name="git")
def _git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit on main, as the current folder."""
    monkeypatch.chdir(tmp_path)
    for name, value in WHO.items():
        monkeypatch.setenv(name, value)
    git("init", "--quiet", "--initial-branch", "main")
    git("commit", "--quiet", "--allow-empty", "--message", "Start")
    return tmp_path


def git(*words: str) -> str:
    """Run Git in the current folder."""
    return subprocess.run(["git", *words], text=True, capture_output=True, check=True).stdout


def names() -> list[str]:
    """Return the branches that are there."""
    return git("branch", "--format", "%(refname:short)").split()


@pytest.mark.usefixtures("git")
def test_dev_and_qa_are_made_from_main(capsys: pytest.CaptureFixture[str]) -> None:
    """And the line that pushes them is printed."""
    branches.main()

    assert names() == ["dev", "main", "qa"]
    assert capsys.readouterr().out.endswith(
        "nothing was pushed; next: git push origin main dev qa\n"
    )


@pytest.mark.usefixtures("git")
def test_what_is_there_stays() -> None:
    """The missing one alone is made; where none is missing, that is said."""
    git("commit", "--quiet", "--allow-empty", "--message", "More")
    git("branch", "dev", "HEAD^")
    before = git("rev-parse", "dev")
    branches.main()

    assert names() == ["dev", "main", "qa"]
    assert git("rev-parse", "dev") == before
    with pytest.raises(
        HostError, match=r"dev and qa exist already\. To push them: git push origin"
    ):
        branches.main()


def test_the_remotes_branch_comes_first(git: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A colleague has made and pushed it."""
    subprocess.run(["git", "branch", "qa"], check=True)
    subprocess.run(["git", "commit", "--quiet", "--allow-empty", "-m", "More"], check=True)
    subprocess.run(["git", "clone", "--quiet", str(git), str(git / "clone")], check=True)
    monkeypatch.chdir(git / "clone")
    branches.main()

    wanted = [["git", "rev-parse", name] for name in ("qa", "origin/qa", "dev", "main")]
    found = [subprocess.run(one, capture_output=True, check=True).stdout for one in wanted]
    assert found[0] == found[1] != found[2] == found[3]


def test_a_repository_without_a_commit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git has nothing that a branch could name; nor has a folder without Git."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(StorageError, match="not in a Git repository"):
        branches.main()
    git("init", "--quiet")
    with pytest.raises(HostError, match=r"no commit yet; make one: git add -A && git commit"):
        branches.main()


@pytest.mark.usefixtures("git")
@pytest.mark.parametrize(
    ("before", "message"),
    [
        (("branch", "--move", "trunk"), r"found trunk\. Make it: git branch --move trunk main"),
        (("branch", "dev/x"), r"`git branch dev main` failed: .*dev/x"),
    ],
)
def test_what_is_in_the_way_is_named(before: tuple[str, ...], message: str) -> None:
    """Another name of main, and a branch that Git lets nothing lie beside."""
    git(*before)

    with pytest.raises(HostError, match=message):
        branches.main()
