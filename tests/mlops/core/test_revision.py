"""Rules of mlops.core.revision, in real Git repositories."""

import subprocess
from pathlib import Path

import pytest

from mlops.core import revision


def git(*arguments: str) -> str:
    """Run git in the current folder; return what it printed."""
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    command = ["git", *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(name="repository")
def _repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_REF_NAME"):
        monkeypatch.delenv(name, raising=False)
    git("init", "-b", "dev")
    (tmp_path / "file").write_text("1")
    git("add", ".")
    git("commit", "-m", "first")
    return tmp_path


@pytest.mark.usefixtures("repository")
def test_a_clean_tree_is_its_commit() -> None:
    """Commit and branch are named, and nothing is dirty."""
    tags = revision.tags()

    assert len(tags["git.commit"]) == 40
    assert (tags["git.branch"], tags["git.dirty"]) == ("dev", "no")


def test_a_changed_tree_is_dirty(repository: Path) -> None:
    """What differs from the commit cannot hide behind it."""
    (repository / "file").write_text("2")

    assert revision.tags()["git.dirty"] == "yes"


@pytest.mark.parametrize("name", ["params.yaml", "dvc.lock", "sources.lock"])
def test_what_the_pipeline_writes_is_no_dirt(repository: Path, name: str) -> None:
    """A run carries these files themselves."""
    (repository / name).write_text("1")
    git("add", ".")
    git("commit", "-m", "second")
    (repository / name).write_text("2")

    assert revision.tags()["git.dirty"] == "no"
    assert revision.difference() == revision.Difference()


@pytest.mark.parametrize(
    ("name", "dirty"),
    [
        ("src/mlops/template/new.py", True),
        ("conf/experiment/mine.yaml", True),
        ("dvc.yaml", True),
        ("rows.csv", False),
        ("secret.env", False),
        ("src/ml/kept_secret.py", False),
    ],
)
def test_a_new_file_counts_where_code_and_configuration_stand(
    repository: Path, name: str, dirty: bool
) -> None:
    """Not elsewhere, and never one that Git ignores."""
    (repository / ".gitignore").write_text("kept_secret.py\n")
    git("add", ".")
    git("commit", "-m", "ignores")
    path = repository / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("new\n")

    assert (revision.changed() == (name,)) == dirty
    assert (name.encode() in revision.difference().patch) == dirty


def test_the_difference_leads_from_the_commit_to_the_work_tree(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Staged, unstaged, removed, binary and new files, whatever a person has set up for diffs."""
    for name, content in (("staged", b"1\n"), ("removed", b"1\n"), ("binary", bytes(range(256)))):
        (repository / name).write_bytes(content)
    git("add", ".")
    git("commit", "-m", "second")
    git("config", "diff.noprefix", "true")
    git("config", "color.ui", "always")
    (repository / "staged").write_text("2\n")
    git("add", "staged")
    (repository / "removed").unlink()
    (repository / "binary").write_bytes(bytes(range(255, -1, -1)))
    (repository / "src").mkdir()
    (repository / "src" / "new.py").write_text("new = 1\n")
    before = git("status", "--porcelain")
    found = revision.difference()

    other = tmp_path_factory.mktemp("other")
    git("clone", "--quiet", str(repository), str(other))
    subprocess.run(["git", "apply", "-"], cwd=other, input=found.patch, check=True)

    assert found.files == ("binary", "removed", "src/new.py", "staged")
    assert found.withheld == ""
    assert git("status", "--porcelain") == before
    for name in ("staged", "binary", "src/new.py"):
        assert (other / name).read_bytes() == (repository / name).read_bytes()
    assert not (other / "removed").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("password = 'correct horse'", "the value of SOME_TOKEN"),
        ("-----BEGIN RSA PRIVATE KEY-----", "key or a password"),  # pragma: allowlist secret
        ("AKIAABCDEFGHIJKLMNOP", "key or a password"),  # pragma: allowlist secret
        ("postgresql://me:hunter2@db", "key or a password"),
    ],
)
def test_a_difference_with_a_secret_is_withheld(
    repository: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    """The run stays dirty, and says why it does not carry the difference."""
    monkeypatch.setenv("SOME_TOKEN", "correct horse")
    (repository / "file").write_text(text)

    found = revision.difference()

    assert told in found.withheld
    assert "horse" not in found.withheld


def test_a_huge_difference_is_withheld(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run is no place for data."""
    monkeypatch.setattr(revision, "LARGEST", 1_000)
    (repository / "file").write_text("x" * 2_000)

    assert "MB" in revision.difference().withheld


def test_a_commit_is_told_by_its_subject(repository: Path) -> None:
    """And one that is not here by nothing."""
    assert revision.subject(revision.tags()["git.commit"]) == "first"
    assert revision.subject("0" * 40) == ""


def test_ci_names_the_branch_of_a_commit_without_one(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody names it, there is none."""
    git("checkout", "--quiet", "--detach")
    unnamed = revision.tags()
    monkeypatch.setenv("GITHUB_REF_NAME", "qa")

    assert "git.branch" not in unnamed
    assert revision.tags()["git.branch"] == "qa"


def test_ci_names_who_started_it(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else Git's user does."""
    monkeypatch.delenv("GITHUB_ACTOR", raising=False)
    git("config", "user.name", "Ada")
    person = revision.who()
    monkeypatch.setenv("GITHUB_ACTOR", "octocat")

    assert (person, revision.who()) == ("Ada", "octocat")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://me:hunter2@github.com/a/b.git", "https://github.com/a/b.git"),
        ("git@github.com:a/b.git", "git@github.com:a/b.git"),
        ("/home/me/b", ""),
    ],
)
@pytest.mark.usefixtures("repository")
def test_the_address_of_the_repository_gives_nothing_away(url: str, told: str) -> None:
    """Neither a password nor a folder of this machine."""
    git("config", "remote.origin.url", url)

    assert revision.address() == told


def test_where_git_fails_nobody_calls_a_tree_clean(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken index leaves it unknown."""
    (repository / ".git" / "index").write_bytes(b"broken")

    assert revision.tags()["git.dirty"] == "unknown"
    assert revision.difference().withheld


def test_a_folder_without_git_has_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training works without Git."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    assert revision.tags().get("git.commit") is None
