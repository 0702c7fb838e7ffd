"""Check every object of dvc.lock and every run-cache entry; heal or remove what is wrong.

Reads: ENV, dvc.lock, the cache, the work tree, the environment's remote where credentials are set
Writes: what was broken or false in cache, remote or dvc.lock; exit code 1 where it must be computed
again
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from dvc.exceptions import DvcException
from dvc.repo import Repo

from mlops.core import environment
from mlops.core.errors import StorageError, run
from mlops.storage import remote
from mlops.storage.entry_cleanup import EntryCleanup
from mlops.storage.object_stores import (
    LocalStore,
    Object,
    RemoteStore,
    Store,
    copied,
    list_objects,
)
from mlops.storage.run_cache_entries import Entries, LocalEntries, RemoteEntries

CACHE, TREE = LocalStore("cache", cached=True), LocalStore("work tree", cached=False)


@dataclass
class Verification:
    """What was found in these stores."""

    stores: list[Store]
    healed: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    unshared: int = 0
    count: int = 0

    def check(self, one: Object) -> None:
        """Check an object in each store, and heal it where it is corrupt."""
        self.count += 1
        state = {store: self._check(store, one) for store in self.stores}
        # A changed file of the work tree is work, not damage.
        corrupt = [store for store in self.stores if state[store] is False and store is not TREE]
        good = next((store for store in self.stores if state[store]), None)
        if corrupt:
            self._heal(one, corrupt, good)
        elif good:
            self.unshared += any(isinstance(s, RemoteStore) and state[s] is None for s in state)
        elif self.shared:  # else the remote may have it
            self.lost.append(f"{one.path} ({one.oid}): missing everywhere")

    def read(self, folder: Object) -> bytes | None:
        """Return the list of files of a folder from a store that has it intact."""
        good = next((store for store in self.stores if store.is_intact(folder)), None)
        if good is None:
            return None
        with copied(good, folder) as copy:
            return copy.read_bytes()

    def _check(self, store: Store, one: Object) -> bool | None:
        found, folder = store.is_intact(one), one.folder
        missing = found is None and isinstance(store, RemoteStore)
        if missing and folder and store.is_intact(folder):
            return False  # its folder says that it is there, so DVC would never send it again
        return found

    def _heal(self, one: Object, corrupt: list[Store], good: Store | None) -> None:
        where = f"{one.path} ({one.oid}): broken in {' and '.join(store.name for store in corrupt)}"
        if good is None:
            for store in corrupt:
                store.remove(one)
                if one.folder and isinstance(store, RemoteStore):
                    store.remove(one.folder)
            self.lost.append(f"{where}, no intact copy: removed")
            return
        with copied(good, one) as copy:
            for store in corrupt:
                store.write(one, copy)
        self.healed.append(f"{where}, repaired from {good.name}")

    @property
    def shared(self) -> bool:
        """Return whether the remote is checked."""
        return any(isinstance(store, RemoteStore) for store in self.stores)

    def lines(self) -> list[str]:
        """Return what was found, in words."""
        places = ", ".join(store.name for store in self.stores)
        lines = [*self.healed, *self.lost, f"{self.count} objects checked in {places}"]
        if not self.shared:
            lines.append("the remote was not checked: no AWS credentials are set")
        elif self.unshared:
            lines.append(f"{self.unshared} of them are not in the remote: `make push` sends them")
        return lines


def list_stores(name: str) -> list[Store]:
    """Return the stores that this machine can check."""
    found: list[Store] = [CACHE, TREE]
    if remote.has_credentials():
        remote.check(name)
        found.append(RemoteStore(remote.bucket(name)))
    return found


def check_all(name: str, found: Verification) -> EntryCleanup:
    """Check all that lock and run-cache name; raise StorageError if the remote fails meanwhile.

    The entries first: what is false in the lock need not be healed.
    """
    try:
        repo = Repo()
        places: list[Entries] = [LocalEntries(Path(repo.cache.legacy.path))]
        if found.shared:
            places.append(RemoteEntries(remote.bucket(name)))
        cleanup = EntryCleanup(repo, places, [store for store in found.stores if store is not TREE])
        cleanup.run()
        for one in list_objects(Repo(), found.read):
            found.check(one)
    except DvcException as error:
        raise StorageError(
            f"DVC cannot read the list of outputs: {error}; fix that file, or restore it: "
            "`git checkout dvc.lock`"
        ) from None
    except (Boto3Error, BotoCoreError, ClientError) as error:
        raise StorageError(
            f"{remote.get_address(name)} stopped answering: {error}; the same command again "
            "completes it: repaired objects stay repaired"
        ) from None
    return cleanup


def main() -> None:
    """Verify, heal, report."""
    name = environment.asked()
    found = Verification(list_stores(name))
    cleanup = check_all(name, found)
    sys.stdout.write("\n".join([*cleanup.lines(), *found.lines(), ""]))
    again = f"`make train ENV={name}` computes them again, with SHARE=1 for the remote as well"
    if cleanup.unlocked:
        raise StorageError(
            f"{len(cleanup.unlocked)} stages of dvc.lock had outputs that do not come from their "
            f"inputs (above); {again}"
        )
    if found.lost:
        raise StorageError(f"{len(found.lost)} objects have no intact copy (above); {again}")


if __name__ == "__main__":
    run(main)
