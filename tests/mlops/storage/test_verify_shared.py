"""Looking at cache and remote by content, with a real S3 server and a pipeline of one stage."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from test_entry_cleanup import CODE, PIPELINE, VALUES, forged, known, training

import servers
from common import ROOT
from local_platform.servers import Platform
from mlops.core.errors import StorageError
from mlops.storage import verify
from mlops.storage.object_stores import md5

pytestmark = pytest.mark.integration

PREFIX = f"{servers.PROJECT}/dvc/files/md5"
STAGE = """
stages:
  make:
    cmd: mkdir -p out && echo {word} > out/a && echo {word}, too > out/b
    deps: [conf]
    outs: [out]
"""


@pytest.fixture(name="repo")
def _repo(
    s3: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Path:
    """A project that has made a folder of two files and shared it; content of its own."""
    for name, value in s3.variables("dev").items():
        monkeypatch.setenv(name, value)
    repo = tmp_path / "repo"
    shutil.copytree(ROOT / "conf", repo / "conf")
    monkeypatch.chdir(repo)
    (repo / "dvc.yaml").write_text(STAGE.format(word=request.node.name))
    called("git", "init", "--quiet")
    called("dvc", "init", "--quiet")
    shutil.copy(ROOT / ".dvc" / "config", repo / ".dvc")
    called("dvc", "repro", "-q")
    called("dvc", "push", "-q", "-r", "dev")
    return repo


def called(*command: str) -> None:
    """Run a command."""
    subprocess.run(command, check=True)


def key(path: Path) -> str:
    """Return where the remote has a file."""
    oid = md5(path)
    return f"{PREFIX}/{oid[:2]}/{oid[2:]}"


def client(s3: Platform) -> Any:
    """Return a client of dev."""
    return servers.client(s3.variables("dev"))


def forget(repo: Path) -> None:
    """Leave what a clone has that never pulled."""
    for name in ("out", ".dvc/cache"):
        shutil.rmtree(repo / name)


def test_a_clone_without_a_cache_finds_all_whole(
    repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It looks into the folders that the remote lists: two files, and the list."""
    forget(repo)

    verify.main()

    assert "3 objects checked in cache, work tree, remote" in capsys.readouterr().out


def test_a_clone_without_a_cache_finds_what_is_broken(
    repo: Path, s3: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is removed with the list that names it; then it is nowhere until it is made again."""
    broken, oid = key(repo / "out" / "a"), md5(repo / "out" / "a")
    client(s3).put_object(Bucket=servers.DEV, Key=broken, Body=b"cut")
    forget(repo)

    with pytest.raises(StorageError, match="make train ENV=dev"):
        verify.main()
    assert f"out/a ({oid}): broken in remote, no intact copy: removed" in capsys.readouterr().out
    with pytest.raises(StorageError, match="1 objects"):
        verify.main()
    assert ".dir): missing everywhere" in capsys.readouterr().out

    called("dvc", "repro", "-q")
    called("dvc", "push", "-q", "-r", "dev")
    verify.main()
    assert client(s3).head_object(Bucket=servers.DEV, Key=broken)["ETag"].strip('"') == oid


def test_a_server_that_dies_meanwhile_is_told(repo: Path, s3: Platform) -> None:
    """After it has answered once; the same command completes when it is back."""
    found = verify.Verification(verify.list_stores("dev"))
    s3.down("s3", how=9)

    with pytest.raises(StorageError, match="the same command again completes it"):
        verify.check_all("dev", found)

    s3.up("s3")
    verify.main()
    assert (repo / "out" / "a").exists()


def test_a_false_entry_is_removed_from_the_remote(
    repo: Path, s3: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the true one beside it stays: nobody is given the old model for new values any more."""
    forget(repo)
    (repo / "dvc.lock").unlink()
    for name, text in (("dvc.yaml", PIPELINE), ("code", CODE), ("params.yaml", VALUES)):
        (repo / name).write_text(text)
    called("dvc", "repro", "-q")
    (true,) = known(repo)
    false = forged(repo, training(epochs=5))
    called("dvc", "push", "-q", "-r", "dev", "--run-cache")
    places = [
        f"{servers.PROJECT}/dvc/{path.relative_to(repo / '.dvc/cache')}" for path in (true, false)
    ]
    assert all(held(s3, place) for place in places)
    shutil.rmtree(repo / ".dvc" / "cache" / "runs")

    verify.main()

    assert "of the remote: reports/history.json says epochs 2.0, training.epochs is 5: removed" in (
        capsys.readouterr().out
    )
    assert [held(s3, place) for place in places] == [True, False]


def held(s3: Platform, place: str) -> bool:
    """Tell whether the remote has an object."""
    found = client(s3).list_objects_v2(Bucket=servers.DEV, Prefix=place)
    return bool(found.get("KeyCount"))
