"""Looking at DVC's cache by content, without a remote."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from common import ROOT
from mlops.core.errors import StorageError
from mlops.storage import remote, verify
from mlops.storage.object_stores import md5

STAGE = """
stages:
  make:
    cmd: mkdir -p out && echo a > out/a && echo b > out/b && echo c > single
    deps: [input]
    outs: [out, single]
"""


@pytest.fixture(name="made", scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which one stage has run, to be copied: DVC takes seconds to make one."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "dvc.yaml").write_text(STAGE)
    (folder / "input").write_text("x")
    for command in (("init", "-q", "--no-scm"), ("repro", "-q")):
        subprocess.run(["dvc", *command], cwd=folder, check=True)
    return folder


@pytest.fixture(name="repo")
def _repo(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in which one stage has made a folder and a file."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def cached(repo: Path, name: str) -> Path:
    """Return where the cache has a file of the work tree."""
    oid = md5(repo / name)
    return repo / ".dvc" / "cache" / "files" / "md5" / oid[:2] / oid[2:]


def spoil(path: Path) -> None:
    """Change the content of a file, but neither its mode nor its date."""
    before = path.stat()
    path.chmod(0o644)
    path.write_text("?" * before.st_size)
    path.chmod(before.st_mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_whole_cache_is_told(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """How many objects, where, and that there is no remote to look at."""
    verify.main()
    told = capsys.readouterr().out

    assert "4 objects checked in cache, work tree" in told  # the list of the folder is one
    assert "no AWS credentials" in told
    assert md5(repo / "single") in str(cached(repo, "single")).replace("/", "")


@pytest.mark.parametrize("name", ["out/a", "single"])
def test_a_spoilt_object_is_healed_from_the_work_tree(
    repo: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Though its date and its mode are as DVC left them."""
    path = cached(repo, name)
    spoil(path)

    verify.main()

    assert f"{name} ({md5(repo / name)}): broken in cache, repaired from work tree" in (
        capsys.readouterr().out
    )
    assert md5(path) == md5(repo / name)
    assert path.stat().st_mode & 0o777 == 0o444


def test_what_is_whole_nowhere_is_removed_and_computed_again(repo: Path) -> None:
    """The command that the error names makes it anew."""
    path = cached(repo, "out/b")
    spoil(path)
    (repo / "out" / "b").write_text("work")

    with pytest.raises(StorageError, match=r"1 objects.*make train"):
        verify.main()
    assert not path.exists()

    subprocess.run(["dvc", "repro", "-q"], check=True)
    assert (repo / "out" / "b").read_text() == "b\n"
    verify.main()


def test_a_changed_file_of_the_work_tree_is_no_damage(
    repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody works on it."""
    (repo / "single").write_text("work")

    verify.main()

    assert "broken" not in capsys.readouterr().out
    assert (repo / "single").read_text() == "work"


@pytest.mark.usefixtures("repo")
def test_a_lock_with_conflicts_is_told() -> None:
    """Git leaves one that nobody can read after a merge."""
    lock = Path("dvc.lock")
    lock.write_text(f"<<<<<<< HEAD\n{lock.read_text()}=======\n>>>>>>> dev\n")

    with pytest.raises(StorageError, match=r"dvc\.lock"):
        verify.main()


def test_credentials_of_a_file_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for DVC and boto: whoever has no variable set may still reach the remote."""
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "keys"))
    assert not remote.has_credentials()

    keys = "[default]\naws_access_key_id = a\naws_secret_access_key = b\n"
    (tmp_path / "keys").write_text(keys)

    assert remote.has_credentials()


def test_credentials_that_are_wrong_are_told(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not taken for none: who has set them wants the remote to be looked at."""
    shutil.copytree(ROOT / "conf", repo / "conf")
    monkeypatch.setenv("AWS_PROFILE", "nobody")

    with pytest.raises(StorageError, match="nobody"):
        verify.main()
