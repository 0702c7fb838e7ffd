"""DVC's run-cache, moved entry by entry as it is needed instead of whole each time.

DVC copies all entries on every `repro --pull` and `push --run-cache`, one after the other
(treeverse/dvc#10449): with each run the next one gets slower. A stage's key is known before it
runs, so only the entries of that key are fetched, and only those of the stages in the lock pushed.
"""

from typing import Any

from dvc.exceptions import CheckoutError, DownloadError, DvcException
from dvc.repo import Repo
from dvc.stage import cache
from dvc.stage.cache import RunCacheNotFoundError, StageCache
from dvc.stage.serialize import to_single_stage_lockfile

from ml.configuration.environment import asked
from ml.errors import StorageError
from ml.sharing.remote import check

_restore = StageCache.restore
_pull_outputs = Repo.pull


def bound() -> None:
    """Put this module's ways in the place of DVC's, in this process."""
    StageCache.restore = restore
    StageCache.pull = pull
    StageCache.push = push
    Repo.pull = pull_outputs


def restore(
    self: Any, stage: Any, run_cache: bool = True, pull: bool = False, dry: bool = False
) -> None:
    """Restore a stage as DVC does, after fetching the entries that its inputs have."""
    if pull and run_cache and not dry and cache._can_hash(stage):
        stage.save_deps()
        fetch(self, cache._get_stage_hash(stage))
    try:
        _restore(self, stage, run_cache, pull, dry)
    except RunCacheNotFoundError:
        if pull:
            still_there()
        raise


def pull_outputs(self: Any, *targets: Any, **options: Any) -> Any:
    """Bring the outputs of a stage; what the remote lacks or has broken, the stage makes."""
    try:
        return _pull_outputs(self, *targets, **options)
    except DownloadError as error:
        still_there()
        raise CheckoutError([str(target) for target in targets], {}) from error


def still_there() -> None:
    """Raise if the remote does not answer: then nobody knows what it has, and hours may be lost."""
    try:
        check(asked())
    except StorageError as error:
        raise DvcException(str(error)) from None


def fetch(stage_cache: Any, key: str) -> None:
    """Bring the entries of a key here: each names the outputs of one run with these inputs."""
    shared = stage_cache.repo.cloud.get_remote_odb(None, "fetch", hash_name="md5-dos2unix")
    local = stage_cache.repo.cache.legacy.fs
    for source in shared.fs.find(shared.fs.join(shared.path, "runs", key[:2], key)):
        target = stage_cache._get_cache_path(key, shared.fs.name(source))
        if not local.exists(target):
            cache.fs.generic.copy(shared.fs, source, local, target)


def pull(self: Any, remote: str | None, odb: Any = None) -> list[tuple[str, str]]:
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
        made = stage.cmd and stage.deps and not stage.always_changed  # `dvc add` has no command
        if made and all(item.hash_info for item in (*stage.deps, *stage.outs)):
            key = cache._get_cache_hash(to_single_stage_lockfile(stage), key=True)
            found.append((key, cache._get_cache_hash(to_single_stage_lockfile(stage))))
    return found
