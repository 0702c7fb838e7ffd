"""`make train SHARE=1` beside plain `dvc repro --pull`: they leave the same behind."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import s3_proxy
import servers
import ways
from local_platform.servers import Platform
from mlops.storage.object_stores import md5
from ways import Place, State

pytestmark = pytest.mark.integration

BASE = "base"

Edit = Callable[[Path], object]


def value(folder: Path) -> None:
    """Another learning rate."""
    (folder / "settings" / "dev").write_text("sample: 2\nrate: 7\nbins: 5\n")


CHANGES: dict[str, Edit] = {
    "nothing": lambda folder: None,
    "value": value,
    "data": lambda folder: (folder / "rows").write_text("six\nseven\neight\n"),
    "code": lambda folder: (folder / "code" / "train").write_text(
        ways.CODE["train"].replace("echo rate", "echo speed")
    ),
    "comment": lambda folder: (folder / "code" / "train").write_text(
        "# as before\n" + ways.CODE["train"]
    ),
    "environment": lambda folder: None,
}


@pytest.fixture(name="base", scope="module")
def _base(platform_base: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A clone that has trained and shared with plain DVC."""
    platform_base.up("s3")
    runner = ways.Ways()
    place = Place(tmp_path_factory.mktemp("first") / "project", platform_base, runner, BASE)
    ways.write(place.folder, BASE)
    done = place.run("plain")
    assert done.code == 0, done.output
    assert done.ran == ["prepare", "train", "evaluate"]
    yield place
    runner.end()


def other(base: Place, folder: Path, name: str, kept: tuple[bool, bool]) -> Place:
    """Clone the base and its remote under another name; with its lock and its cache or not."""
    shutil.copytree(
        base.folder, folder, symlinks=True, ignore=shutil.ignore_patterns("tmp", "site")
    )
    for path in ("conf/project.yaml", ".dvc/config"):
        text = (folder / path).read_text()
        (folder / path).write_text(
            text.replace(f"/{base.name}/", f"/{name}/").replace(f'"{base.name}"', f'"{name}"')
        )
    has_lock, has_cache = kept
    if not has_lock:
        (folder / "dvc.lock").unlink()
    if not has_cache:
        for path in (".dvc/cache", *ways.OUTPUTS):
            target = folder / path
            shutil.rmtree(target) if target.is_dir() else target.unlink()
    client = servers.client(base.platform.variables("dev"))
    for key in ways.objects(base.platform, "dev", f"{base.name}/"):
        source = {"Bucket": servers.DEV, "Key": f"{base.name}/{key}"}
        client.copy_object(Bucket=servers.DEV, Key=f"{name}/{key}", CopySource=source)
    return replace(base, folder=folder, name=name)


def both(
    base: Place, tmp_path: Path, kept: tuple[bool, bool], edit: Edit, environment: str = "dev"
) -> tuple[State, State]:
    """Run a scenario in both ways, each in a clone and with a remote of its own."""
    found = []
    for way in ("ours", "plain"):
        name = f"{tmp_path.name}-{way}".replace("_", "-")
        place = other(base, tmp_path / way, name, kept)
        edit(place.folder)
        found.append(place.run(way, environment))
    return found[0], found[1]


# What CI does, with each change; all other combinations by night.
COMBINATIONS = [
    pytest.param(change, has_lock, has_cache, marks=[] if has_lock and not has_cache else later)
    for later in [pytest.mark.nightly]
    for change in CHANGES
    for has_lock in (True, False)
    for has_cache in (True, False)
]


@pytest.mark.parametrize(("change", "has_lock", "has_cache"), COMBINATIONS)
def test_sharing_leaves_what_plain_dvc_leaves(
    base: Place, tmp_path: Path, change: str, has_lock: bool, has_cache: bool
) -> None:
    """Whatever has changed, with the lock committed or not, with a cache or without."""
    environment = "qa" if change == "environment" else "dev"

    mine, theirs = both(base, tmp_path, (has_lock, has_cache), CHANGES[change], environment)

    assert (mine.code, theirs.code) == (0, 0), mine.output + theirs.output
    assert mine.outputs == theirs.outputs
    assert mine.ran == theirs.ran
    assert mine.lock == theirs.lock
    assert mine.remote <= theirs.remote
    # Plain DVC also sends what this machine has of others, and fetches what it does not need.
    local, shared = mine.before
    assert theirs.remote - mine.remote <= local
    assert mine.local <= theirs.local
    assert theirs.local - mine.local <= shared


def stored(place: Place, name: str) -> str:
    """Return the key of an object of the remote by a piece of it: `model/weights`, or an entry."""
    if name.startswith("runs/"):
        return f"{place.name}/dvc/runs/{entry(place)}"
    oid = md5(place.folder / name)
    return f"{place.name}/dvc/files/md5/{oid[:2]}/{oid[2:]}"


def entry(place: Place) -> str:
    """Return the name of the entry of `train`."""
    (found,) = [
        path for path in (place.folder / ".dvc/cache/runs").glob("*/*/*")
        if "sh code/train" in path.read_text()
    ]  # fmt: skip
    return str(found.relative_to(place.folder / ".dvc/cache/runs"))


def put(base: Place, place: Place, key: str, cut: Callable[[bytes], bytes]) -> None:
    """Replace an object of a remote by a part of it."""
    client = servers.client(base.platform.variables("dev"))
    key = key.replace(f"{base.name}/", f"{place.name}/", 1)
    text = client.get_object(Bucket=servers.DEV, Key=key)["Body"].read()
    client.put_object(Bucket=servers.DEV, Key=key, Body=cut(text))


def gone(base: Place, place: Place, key: str) -> None:
    """Remove an object of a remote."""
    key = key.replace(f"{base.name}/", f"{place.name}/", 1)
    servers.client(base.platform.variables("dev")).delete_object(Bucket=servers.DEV, Key=key)


# What is damaged in the remote; `train` runs here then, as it does with plain DVC.
BROKEN: dict[str, Callable[[Place, Place], object]] = {
    "an object is gone": lambda base, place: gone(base, place, stored(base, "history.json")),
    "an object is cut": lambda base, place: put(
        base, place, stored(base, "history.json"), lambda t: t[:4]
    ),
    "an entry is gone": lambda base, place: gone(base, place, stored(base, "runs/")),
    "an entry is cut in a line": lambda base, place: put(
        base, place, stored(base, "runs/"), lambda t: t[: len(t) // 2]
    ),
    "an entry is cut after an output": lambda base, place: put(
        base, place, stored(base, "runs/"), lambda t: t[: t.index(b"- path: history")]
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_remote_that_is_broken_gives_nothing_wrong(
    base: Place, tmp_path: Path, case: str
) -> None:
    """What it has not whole is computed here, as by plain DVC; nothing wrong gets into outputs."""
    found = {}
    for way in ("ours", "plain"):
        place = other(
            base, tmp_path / way, f"{tmp_path.name}-{way}".replace("_", "-"), (False, False)
        )
        BROKEN[case](base, place)
        found[way] = place.run(way)

    mine, theirs = found["ours"], found["plain"]
    assert mine.code == 0, mine.output
    assert mine.ran == ["train"]
    assert mine.outputs == ways.files(base.folder)
    assert mine.lock == ways.lock(base.folder)
    assert (mine.outputs, mine.lock, mine.ran) == (theirs.outputs, theirs.lock, theirs.ran)
    assert mine.remote == theirs.remote


@pytest.mark.nightly
def test_a_remote_that_is_down_ends_both_ways(base: Place, tmp_path: Path) -> None:
    """Nothing is computed: ours says so at once, plain DVC after two minutes of retries."""
    for way in ("ours", "plain"):
        name = f"{tmp_path.name}-{way}".replace("_", "-")
        place = other(base, tmp_path / way, name, (True, False))
        done = place.run(way, AWS_ENDPOINT_URL="http://127.0.0.1:9")

        assert done.code != 0
        assert (done.ran, done.outputs) == ([], {})


def test_a_server_that_refuses_checksums_is_told_with_its_cure(base: Place, tmp_path: Path) -> None:
    """By name; the same command without it would never complete."""
    place = other(base, tmp_path / "clone", tmp_path.name.replace("_", "-"), (True, True))
    value(place.folder)
    upstream = base.platform.variables("dev")["AWS_ENDPOINT_URL"]
    with s3_proxy.proxy(upstream, s3_proxy.checksums) as address:
        refused = place.run("ours", AWS_ENDPOINT_URL=address)
        cured = place.run(
            "push",
            AWS_ENDPOINT_URL=address,
            AWS_REQUEST_CHECKSUM_CALCULATION="when_required",
            AWS_RESPONSE_CHECKSUM_VALIDATION="when_required",
        )

    assert refused.code == 1
    told = refused.output.splitlines()[-1]
    assert "refuses the checksums" in told
    assert "set AWS_REQUEST_CHECKSUM_CALCULATION=when_required and AWS_RESPONSE" in told
    assert "completes it" not in told
    assert cured.code == 0, cured.output
    assert len(cured.remote) == len(base.entries("dev")[1]) + 2


def test_credentials_that_expire_while_a_stage_runs_lose_nothing(
    base: Place, tmp_path: Path
) -> None:
    """The stages behind it run here, the end is told, and with new ones a push completes it."""
    place = other(base, tmp_path / "clone", tmp_path.name.replace("_", "-"), (True, False))
    value(place.folder)
    trained = tmp_path / "trained"
    upstream = base.platform.variables("dev")["AWS_ENDPOINT_URL"]

    def expired(method: str, headers: object) -> s3_proxy.Refusal | None:
        return (400, "ExpiredToken", "The token has expired.") if trained.exists() else None

    with s3_proxy.proxy(upstream, expired) as address:
        done = place.run("ours", AWS_ENDPOINT_URL=address, TOUCH=str(trained))
    renewed = place.run("push")
    clone = other(
        place, tmp_path / "colleague", f"{tmp_path.name}-2".replace("_", "-"), (True, False)
    )
    pulled = clone.run("ours")

    assert done.code == 1
    assert done.ran == ["train", "evaluate"]
    told = done.output.splitlines()[-1]
    assert "have expired" in told
    assert "renew them and run the same command again: what was computed is kept" in told
    assert renewed.code == 0, renewed.output
    assert pulled.ran == []
    assert pulled.outputs == done.outputs


def test_what_ran_before_a_failed_stage_is_shared(base: Place, tmp_path: Path) -> None:
    """A clone without a cache, whose lock names what it has not."""
    place = other(base, tmp_path / "clone", tmp_path.name.replace("_", "-"), (True, False))
    (place.folder / "settings" / "dev").write_text("sample: 3\nrate: 7\nbins: 5\n")
    (tmp_path / "fail").touch()

    done = place.run("ours", FAIL=str(tmp_path / "fail"))

    assert done.code == 1
    assert done.ran == ["prepare", "train"]
    assert done.output.splitlines()[-1].endswith(
        "(above); fix it and run the same command again; what ran before it is shared"
    )
    assert len(done.remote - done.before[1]) == 1


def test_a_push_of_what_is_nowhere_is_an_error(base: Place, tmp_path: Path) -> None:
    """DVC calls it up to date."""
    place = other(base, tmp_path / "clone", tmp_path.name.replace("_", "-"), (True, False))
    gone(base, place, stored(base, "history.json"))

    done = place.run("push")

    assert done.code == 1
    assert "are neither here nor in s3://" in done.output.splitlines()[-1]
