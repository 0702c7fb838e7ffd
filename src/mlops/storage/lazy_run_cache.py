"""DVC's run-cache, moved entry by entry as it is needed instead of whole each time.

DVC copies all entries on every `repro --pull` and `push --run-cache`, one after the other
(treeverse/dvc#10449): with each run the next one gets slower. What decides whether a stage is
restored, and from what, stays DVC's own: only the entries of a key are fetched, at the moment at
which DVC looks that key up, and only those of the lock are sent, after their outputs.
"""

import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

from dvc.exceptions import CheckoutError, DownloadError, DvcException
from dvc.repo import Repo
from dvc.stage import cache
from dvc.stage.cache import RunCacheNotFoundError, StageCache

from mlops.core.environment import asked
from mlops.core.errors import StorageError
from mlops.storage import run_cache_entries
from mlops.storage.remote import ExpiredError, check

log = logging.getLogger(__name__)

_load = StageCache._load
_restore = StageCache.restore
_pull_outputs = Repo.pull


def install() -> None:
    """Replace DVC's functions by those of this module, in this process."""
    StageCache.pull = pull
    StageCache._load = load
    StageCache.restore = restore
    Repo.pull = pull_outputs


def pull(self: Any, remote: str | None, odb: Any = None) -> list[tuple[str, str]]:
    """Fetch nothing in advance."""
    return []


def load(self: Any, stage: Any) -> Any:
    """Look up what a stage made of its inputs as DVC does, after fetching what others have."""
    key = cache._get_stage_hash(stage)
    try:
        fetch(self, key)
    except Exception:  # s3fs raises those of three libraries
        if remote_answers():
            raise
    with suppress(OSError):
        Path(self._get_cache_dir(key)).rmdir()  # where DVC has removed a broken entry it fails
    return _load(self, stage)


def restore(
    self: Any, stage: Any, run_cache: bool = True, pull: bool = False, dry: bool = False
) -> None:
    """Restore a stage as DVC does; nothing is found only counts while the remote answers."""
    try:
        _restore(self, stage, run_cache, pull, dry)
    except Exception as error:
        if remote_answers() and not isinstance(error, RunCacheNotFoundError):
            raise
        raise RunCacheNotFoundError(stage) from error


def pull_outputs(self: Any, *targets: Any, **options: Any) -> Any:
    """Bring outputs as DVC does; the stage makes what is missing or broken in the remote."""
    try:
        return _pull_outputs(self, *targets, **options)
    except Exception as error:
        if remote_answers() and not isinstance(error, DownloadError):
            raise
        raise CheckoutError([str(target) for target in targets], {}) from error


def remote_answers() -> bool:
    """Return whether the remote can still be asked; raise DvcException if it is down.

    What it has is unknown then, and computing it again may take hours. When credentials expire,
    hours of work have passed since: the stages run here, so that it is not lost.
    """
    try:
        check(asked())
    except ExpiredError as error:
        log.warning("%s. Until then the stages run here.", error)
        return False
    except StorageError as error:
        raise DvcException(str(error)) from None
    return True


def fetch(stage_cache: Any, key: str) -> None:
    """Bring the entries of a key here, in DVC's order: it takes the one that came last."""
    shared = stage_cache.repo.cloud.get_remote_odb(None, "fetch", hash_name="md5-dos2unix")
    for source in shared.fs.find(shared.fs.join(shared.path, "runs", key[:2], key)):
        value = shared.fs.name(source)
        with shared.fs.open(source, "rb") as file:
            text = file.read()
        if run_cache_entries.parse_entry(f"{key}/{value}", text):
            run_cache_entries.write_entry(Path(stage_cache._get_cache_path(key, value)), text)
        else:
            log.warning(
                "the run-cache entry %s/%s of the remote is broken and is not used; "
                "`make verify` removes it", key, value
            )  # fmt: skip


def send(name: str) -> None:
    """Send the entries of the stages in the lock that the remote has not, after their outputs."""
    repo = Repo()
    odb = repo.cloud.get_remote_odb(name, "push", hash_name="md5-dos2unix")
    local = repo.cache.legacy.fs
    for key, value in run_cache_entries.read_lock(repo).values():
        source = repo.stage_cache._get_cache_path(key, value)
        target = odb.fs.join(odb.path, "runs", key[:2], key, value)
        if local.exists(source) and not odb.fs.exists(target):
            cache.fs.generic.copy(local, source, odb.fs, target)
