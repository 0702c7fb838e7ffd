"""DVC's run-cache, moved entry by entry as it is needed instead of whole each time.

DVC copies all entries on every `repro --pull` and `push --run-cache`, one after the other
(treeverse/dvc#10449): with each run the next one gets slower. A stage's key is known before it
runs, so only the entries of that key are fetched, and only those of the stages in the lock pushed.
"""

from typing import Any

from dvc.stage import cache
from dvc.stage.cache import StageCache
from dvc.stage.serialize import to_single_stage_lockfile

_restore = StageCache.restore


def bound() -> None:
    """Put this module's ways in the place of DVC's, in this process."""
    StageCache.restore = restore
    StageCache.pull = pull
    StageCache.push = push


def restore(
    self: Any, stage: Any, run_cache: bool = True, pull: bool = False, dry: bool = False
) -> None:
    """Restore a stage as DVC does, after fetching the entries that its inputs have."""
    if pull and run_cache and not dry and cache._can_hash(stage):
        stage.save_deps()
        fetch(self, cache._get_stage_hash(stage))
    _restore(self, stage, run_cache, pull, dry)


def fetch(stage_cache: Any, key: str) -> None:
    """Bring the entries of a key here: each names the outputs of one run with these inputs."""
    remote = stage_cache.repo.cloud.get_remote_odb(None, "fetch", hash_name="md5-dos2unix")
    folder = remote.fs.join(remote.path, "runs", key[:2], key)
    for source in remote.fs.find(folder):
        target = stage_cache._get_cache_path(key, remote.fs.name(source))
        if not stage_cache.repo.cache.legacy.fs.exists(target):
            cache.fs.generic.copy(remote.fs, source, stage_cache.repo.cache.legacy.fs, target)


def pull(_self: Any, _remote: str | None, _odb: Any = None) -> list[tuple[str, str]]:
    """Fetch nothing in advance."""
    return []


def push(self: Any, remote: str | None, odb: Any = None) -> list[tuple[str, str]]:
    """Send the entries of the stages in the lock that the remote has not."""
    odb = odb or self.repo.cloud.get_remote_odb(remote, "push", hash_name="md5-dos2unix")
    local = self.repo.cache.legacy.fs
    sent = []
    for key, value in entries(self.repo):
        source = self._get_cache_path(key, value)
        target = odb.fs.join(odb.path, "runs", key[:2], key, value)
        if local.exists(source) and not odb.fs.exists(target):
            cache.fs.generic.copy(local, source, odb.fs, target)
            sent.append((key, value))
    return sent


def entries(repo: Any) -> list[tuple[str, str]]:
    """Return key and value of the run-cache entry of each stage in the lock."""
    found = []
    for stage in repo.index.stages:
        if not stage.always_changed and stage.outs and all(out.hash_info for out in stage.outs):
            key = cache._get_cache_hash(to_single_stage_lockfile(stage), key=True)
            found.append((key, cache._get_cache_hash(to_single_stage_lockfile(stage))))
    return found
