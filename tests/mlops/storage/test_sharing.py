"""Sharing through a real S3 server, and when that server, a disk or an object fails."""

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

import servers
from clones import FAST, environment, installed, ran
from local_platform.servers import Platform
from mlops.storage.object_stores import md5

pytestmark = pytest.mark.integration

PREFIX = f"{servers.PROJECT}/dvc"
BIG = 200 * 2**20


def make(project: Path, platform: Platform, *words: str, **more: str) -> subprocess.Popen[str]:
    """Start a verb in a clone, with dev's credentials."""
    storage = {k: v for k, v in platform.variables("dev").items() if k.startswith("AWS_")}
    variables = {**environment(project), **storage, "SET": FAST, **more}
    return subprocess.Popen(
        ["make", *words], cwd=project, env=variables, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def done(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for a verb; return its exit code and what it printed."""
    output, _ = process.communicate()
    return process.returncode, output


@pytest.fixture(name="shared", scope="module")
def _shared(platform_base: Platform, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone that has trained and shared."""
    platform_base.up("s3")
    project = installed(tmp_path_factory.mktemp("first") / "project")
    code, output = done(make(project, platform_base, "train", "SHARE=1"))
    assert code == 0, output[-3000:]
    return project


def colleague(project: Path, folder: Path) -> Path:
    """Make another clone, which has the same lock and nothing else."""
    clone = installed(folder)
    for path in (project / "dvc.lock", *project.glob("[!.]*.dvc")):
        shutil.copy(path, clone)
    return clone


@pytest.fixture(name="other")
def _other(shared: Path, tmp_path: Path) -> Path:
    return colleague(shared, tmp_path / "other")


def filled(project: Path, clone: Path) -> Path:
    """Put into a clone what it would pull, by a copy, which takes no server."""
    for name in ("data", "models", "reports", ".dvc/cache"):
        shutil.copytree(project / name, clone / name, dirs_exist_ok=True)
    return clone


@pytest.fixture(name="whole")
def _whole(shared: Path, other: Path) -> Path:
    """The other clone, with all outputs in work tree and cache."""
    return filled(shared, other)


def test_a_laptop_gets_a_colleagues_model_without_training(
    shared: Path, s3: Platform, tmp_path: Path
) -> None:
    """No stage but compose runs in a clone that never saw the project, and the bytes are equal."""
    clone = installed(tmp_path / "laptop")

    code, output = done(make(clone, s3, "train", "SHARE=1"))

    assert code == 0, output
    assert ran(output) == ["compose"]
    assert (clone / "dvc.lock").read_text() == (shared / "dvc.lock").read_text()
    for path in ("models/model/model.safetensors", "models/serving/cpu.onnx"):
        assert md5(clone / path) == md5(shared / path)


def test_changed_values_get_a_model_of_their_own(shared: Path, other: Path, s3: Platform) -> None:
    """In a clone with the committed lock and no cache, as CI has it."""
    changed = f"{FAST} training.epochs=1 training.learning_rate=0.04"

    code, output = done(make(other, s3, "train", "SHARE=1", SET=changed))

    assert code == 0, output
    assert ran(output) == ["compose", "train", "evaluate", "export"]
    history = json.loads((other / "reports" / "history.json").read_text())
    assert history["val"][-1]["epoch"] == 1
    assert max(point["learning_rate"] for point in history["train"]) == pytest.approx(
        0.04, rel=0.05
    )
    weights = "models/model/model.safetensors"
    assert md5(other / weights) != md5(shared / weights)
    code, output = done(make(other, s3, "verify"))
    assert code == 0, output
    assert "removed" not in output


def test_only_the_run_cache_of_this_pipeline_moves(s3: Platform, tmp_path: Path) -> None:
    """However many runs others have shared, and this machine has made."""
    client = servers.client(s3.variables("dev"))
    for number in range(20):
        client.put_object(Bucket=servers.DEV, Key=f"{PREFIX}/{entry(number)}", Body=b"cmd: x\n")
    clone = installed(tmp_path / "laptop")
    own = clone / ".dvc" / "cache" / entry(20)
    own.parent.mkdir(parents=True)
    own.write_text("cmd: x\n")

    code, output = done(make(clone, s3, "train", "SHARE=1"))

    assert code == 0, output
    moved = [path for path in (clone / ".dvc" / "cache" / "runs").rglob("*") if path.is_file()]
    assert len(moved) == 5 + 1
    found = client.list_objects_v2(Bucket=servers.DEV, Prefix=f"{PREFIX}/{entry(20)}")
    assert found["KeyCount"] == 0


def entry(number: int) -> str:
    """Return where an entry of the run-cache lies, in a cache and in a remote."""
    key = hashlib.sha256(str(number).encode()).hexdigest()
    return f"runs/{key[:2]}/{key}/{key}"


def test_without_share_nothing_touches_the_network(shared: Path, platform_base: Platform) -> None:
    """Credentials or not."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        nobody.setblocking(False)
        there = f"http://127.0.0.1:{nobody.getsockname()[1]}"

        code, output = done(make(shared, platform_base, "train", AWS_ENDPOINT_URL=there))

        assert code == 0, output
        with pytest.raises(BlockingIOError):
            nobody.accept()


NOBODY = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}


@pytest.mark.parametrize(
    ("words", "variables", "told"),
    [
        (("train", "SHARE=1"), NOBODY, "Could not connect"),
        (("push",), NOBODY, "Could not connect"),
        (("pull",), NOBODY, "Could not connect"),
        (("pull",), {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "no credentials"),
        (("push",), {"AWS_SECRET_ACCESS_KEY": "wrong"}, "SignatureDoesNotMatch"),
        (("train", "SHARE=1"), {"ENV": "qa"}, "NoSuchBucket"),
    ],
    ids=["train", "push", "pull", "no credentials", "wrong secret", "another environment"],
)
def test_a_remote_that_cannot_be_used_is_told(
    other: Path, s3: Platform, words: tuple[str, ...], variables: dict[str, str], told: str
) -> None:
    """In one sentence, before anything is done."""
    code, output = done(make(other, s3, *words, **variables))

    assert code != 0
    sentence = next(line for line in output.splitlines() if line.startswith("error: "))
    assert "s3://mlops-" in sentence
    assert told in sentence
    assert "Traceback" not in output
    assert ran(output) == []


@pytest.fixture(name="sender", scope="module")
def _sender(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with all outputs, and beside them a file that takes a while to move."""
    project = colleague(shared, tmp_path_factory.mktemp("sender") / "project")
    (project / "big.bin").write_bytes(os.urandom(BIG))
    added = environment(project)
    subprocess.run(["dvc", "add", "--quiet", "big.bin"], cwd=project, env=added, check=True)
    return filled(shared, project)


@pytest.fixture(name="third")
def _third(sender: Path, s3: Platform, tmp_path: Path) -> Path:
    """A clone that can pull the big file."""
    assert done(make(sender, s3, "push"))[0] == 0
    return colleague(sender, tmp_path / "third")


def test_a_push_that_was_cut_off_is_completed_by_the_next(
    sender: Path, s3: Platform, tmp_path: Path
) -> None:
    """The server is killed in the middle; another clone then gets every byte."""
    _, key = place(sender, "big.bin")
    servers.client(s3.variables("dev")).delete_object(Bucket=servers.DEV, Key=key)
    disk = s3.folder / "swift" / "disk"
    before = size(disk)
    pushing = make(sender, s3, "push")
    wait(lambda: size(disk) - before > BIG // 10, pushing)
    s3.down("s3", how=signal.SIGKILL)
    code, output = done(pushing)

    assert code != 0
    assert "the same command again completes it" in output.splitlines()[-2]
    s3.up("s3")
    assert done(make(sender, s3, "push"))[0] == 0
    pulled(colleague(sender, tmp_path / "third"), s3, sender)


def test_a_pull_that_was_cut_off_is_completed_by_the_next(
    sender: Path, third: Path, s3: Platform
) -> None:
    """The server is killed in the middle; nothing in the cache is broken."""
    cache = third / ".dvc" / "cache"
    pulling = make(third, s3, "pull")
    wait(lambda: size(cache) > BIG // 10, pulling)
    s3.down("s3", how=signal.SIGKILL)
    code, output = done(pulling)

    assert code != 0
    assert "the same command again completes it" in output.splitlines()[-2]
    assert broken(cache) == []
    s3.up("s3")
    pulled(third, s3, sender)


def pulled(clone: Path, s3: Platform, sender: Path) -> None:
    """Pull, and find the big file whole."""
    code, output = done(make(clone, s3, "pull"))
    assert code == 0, output
    assert md5(clone / "big.bin") == md5(sender / "big.bin")


@pytest.fixture(name="small_disk")
def _small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 60 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small disk is a tmpfs, which this user cannot mount")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.mark.usefixtures("third")
def test_a_full_disk_is_told_and_loses_nothing(
    sender: Path, s3: Platform, small_disk: Path
) -> None:
    """With more room the same command completes."""
    there = colleague(sender, small_disk / "there")

    code, output = done(make(there, s3, "pull"))

    assert code != 0
    assert "the disk is full" in output
    assert broken(there / ".dvc" / "cache") == []
    subprocess.run(["mount", "-o", "remount,size=900m", str(small_disk)], check=True)
    pulled(there, s3, sender)


def place(project: Path, output: str) -> tuple[Path, str]:
    """Return where an output's object lies in the cache and in the remote."""
    oid = md5(project / output)
    return project / ".dvc" / "cache" / "files" / "md5" / oid[:2] / oid[2:], (
        f"{PREFIX}/files/md5/{oid[:2]}/{oid[2:]}"
    )


def truncate(path: Path) -> None:
    """Cut an object, as a failing disk does: its name and mode stay."""
    path.chmod(0o644)
    os.truncate(path, path.stat().st_size // 2)
    path.chmod(0o444)


def test_a_broken_object_in_the_cache_is_healed_from_the_remote(whole: Path, s3: Platform) -> None:
    """DVC itself trusts it for its date and its mode."""
    cached, _ = place(whole, "models/serving/cpu.onnx")
    (whole / "models" / "serving" / "cpu.onnx").unlink()
    truncate(cached)

    code, output = done(make(whole, s3, "verify"))

    assert code == 0, output
    assert "models/serving/cpu.onnx" in output
    assert "broken in cache, repaired from remote" in output
    assert broken(whole / ".dvc" / "cache") == []
    assert "broken" not in done(make(whole, s3, "verify"))[1]


def test_a_broken_object_in_the_remote_is_healed_from_the_cache(whole: Path, s3: Platform) -> None:
    """Cut, or gone although its folder says that it is there."""
    _, key = place(whole, "models/serving/cpu.onnx")
    client = servers.client(s3.variables("dev"))
    damages: list[Callable[[], object]] = [
        lambda: client.put_object(Bucket=servers.DEV, Key=key, Body=b"cut"),
        lambda: client.delete_object(Bucket=servers.DEV, Key=key),
    ]
    for damage in damages:
        damage()

        code, output = done(make(whole, s3, "verify"))

        assert code == 0, output
        assert "broken in remote, repaired from cache" in output


def test_a_broken_object_of_the_remote_does_not_get_into_the_cache(
    whole: Path, s3: Platform
) -> None:
    """Pull names what to do; where nobody has it whole it is computed again, and shared again."""
    cached, key = place(whole, "models/serving/cpu.onnx")
    client = servers.client(s3.variables("dev"))
    client.put_object(Bucket=servers.DEV, Key=key, Body=b"cut")
    for path in ("models", ".dvc/cache"):
        shutil.rmtree(whole / path)

    code, output = done(make(whole, s3, "pull"))
    assert code != 0
    assert "make verify" in output
    assert not cached.exists()

    code, output = done(make(whole, s3, "verify"))
    assert code != 0
    assert "broken in remote, no intact copy" in output

    code, output = done(make(whole, s3, "train", "SHARE=1"))
    assert code == 0, output
    assert ran(output) == ["compose", "export"]
    code, output = done(make(whole, s3, "verify"))
    assert code == 0, output
    assert client.head_object(Bucket=servers.DEV, Key=key)["ETag"].strip('"') == md5(cached)


@pytest.mark.nightly
def test_what_the_remote_lacks_is_computed_again(whole: Path, s3: Platform) -> None:
    """Without an error, since somebody may have expired it."""
    _, key = place(whole, "models/serving/cpu.onnx")
    servers.client(s3.variables("dev")).delete_object(Bucket=servers.DEV, Key=key)
    for path in ("models", ".dvc/cache"):
        shutil.rmtree(whole / path)

    code, output = done(make(whole, s3, "train", "SHARE=1"))
    healed = done(make(whole, s3, "verify"))

    assert code == 0, output
    assert ran(output) == ["compose", "export"]
    assert healed[0] == 0, healed[1]


def test_outputs_are_few_files(shared: Path) -> None:
    """However many rows there are: thousands here."""
    lock = yaml.safe_load((shared / "dvc.lock").read_text())
    outs = [out for stage in lock["stages"].values() for out in stage["outs"]]

    assert max(out.get("nfiles", 1) for out in outs) < 20


def size(folder: Path) -> int:
    """Return the bytes below a folder, while files in it come and go."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(root, name)).st_size  # noqa: PTH116, PTH118
            except FileNotFoundError:
                continue
    return total


def broken(cache: Path) -> list[Path]:
    """Return the objects in a cache whose content is not what their name says."""
    objects = [path for path in (cache / "files" / "md5").glob("??/*") if path.is_file()]
    named = [path for path in objects if re.fullmatch(r"[0-9a-f]{30}(\.dir)?", path.name)]
    return [p for p in named if md5(p) != p.parent.name + p.name.removesuffix(".dir")]


def wait(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait until something is true, as long as a process runs."""
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)
