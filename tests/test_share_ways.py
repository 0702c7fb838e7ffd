"""`make train SHARE=1` beside plain `dvc repro --pull`: they leave the same behind."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import servers
import ways
from ml.platform.servers import Platform
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
