"""Look at every object of dvc.lock and every run-cache entry; heal or remove what is wrong.

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
from mlops.storage.entry_stores import LocalRuns, Runs, SharedRuns
from mlops.storage.objects import Bucket, Folder, Object, Side, copied, visit
from mlops.storage.removal import Weeding

CACHE, TREE = Folder("cache", cached=True), Folder("work tree", cached=False)


@dataclass
class Verification:
    """What was found on these sides."""

    sides: list[Side]
    healed: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    unshared: int = 0
    count: int = 0

    def look(self, one: Object) -> None:
        """Look at an object on each side, and mend it where it is corrupt."""
        self.count += 1
        state = {side: self._state(side, one) for side in self.sides}
        # A changed file of the work tree is work, not damage.
        corrupt = [side for side in self.sides if state[side] is False and side is not TREE]
        good = next((side for side in self.sides if state[side]), None)
        if corrupt:
            self._mend(one, corrupt, good)
        elif good:
            self.unshared += any(isinstance(side, Bucket) and state[side] is None for side in state)
        elif self.shared:  # else the remote may have it
            self.lost.append(f"{one.path} ({one.oid}): nowhere")

    def text(self, folder: Object) -> bytes | None:
        """Return the list of files of a folder from a side that has it whole."""
        good = next((side for side in self.sides if side.whole(folder)), None)
        if good is None:
            return None
        with copied(good, folder) as copy:
            return copy.read_bytes()

    def _state(self, side: Side, one: Object) -> bool | None:
        found = side.whole(one)
        if found is None and isinstance(side, Bucket) and one.folder and side.whole(one.folder):
            return False  # its folder says that it is there, so DVC would never send it again
        return found

    def _mend(self, one: Object, corrupt: list[Side], good: Side | None) -> None:
        where = f"{one.path} ({one.oid}): broken in {' and '.join(side.name for side in corrupt)}"
        if good is None:
            for side in corrupt:
                side.remove(one)
                if one.folder and isinstance(side, Bucket):
                    side.remove(one.folder)
            self.lost.append(f"{where}, whole nowhere: removed")
            return
        with copied(good, one) as copy:
            for side in corrupt:
                side.write(one, copy)
        self.healed.append(f"{where}, healed from {good.name}")

    @property
    def shared(self) -> bool:
        """Tell whether the remote is looked at."""
        return any(isinstance(side, Bucket) for side in self.sides)

    def lines(self) -> list[str]:
        """Return what was found, in words."""
        places = ", ".join(side.name for side in self.sides)
        told = [*self.healed, *self.lost, f"{self.count} objects looked at in {places}"]
        if not self.shared:
            told.append("the remote was not looked at: no AWS credentials are set")
        elif self.unshared:
            told.append(f"{self.unshared} of them are not in the remote: `make push` sends them")
        return told


def sides(name: str) -> list[Side]:
    """Return the sides that this machine can look at."""
    found: list[Side] = [CACHE, TREE]
    if remote.credentials():
        remote.check(name)
        found.append(Bucket(remote.client(), remote.address(name)))
    return found


def everything(name: str, found: Verification) -> Weeding:
    """Look at all that lock and run-cache name; raise StorageError if the remote fails meanwhile.

    The entries first: what is false in the lock is nothing to be healed.
    """
    try:
        weeding = Weeding(
            Repo(), runs(name, found.sides), [s for s in found.sides if s is not TREE]
        )
        weeding.run()
        visit(Repo(), found.look, found.text)
    except DvcException as error:
        raise StorageError(
            f"DVC should know what there is to look at, but: {error}; mend that file, or restore "
            "it: `git checkout dvc.lock`"
        ) from None
    except (Boto3Error, BotoCoreError, ClientError) as error:
        raise StorageError(
            f"{remote.address(name)} should answer to the end, but: {error}; the same command "
            "again completes it: what was healed stays so"
        ) from None
    return weeding


def runs(name: str, looked_at: list[Side]) -> list[Runs]:
    """Return where run-cache entries lie, of the sides that are looked at."""
    found: list[Runs] = [LocalRuns(Path(Repo().cache.legacy.path))]
    if any(isinstance(side, Bucket) for side in looked_at):
        found.append(SharedRuns(remote.client(), remote.address(name)))
    return found


def main() -> None:
    """Verify, heal, tell."""
    name = environment.asked()
    found = Verification(sides(name))
    weeding = everything(name, found)
    sys.stdout.write("\n".join([*weeding.lines(), *found.lines(), ""]))
    if weeding.undone:
        raise StorageError(
            f"{len(weeding.undone)} stages of dvc.lock had outputs that are not of their inputs "
            f"(above); `make train ENV={name}` computes them again, with SHARE=1 for the remote as "
            "well"
        )
    if found.lost:
        raise StorageError(
            f"{len(found.lost)} objects should be somewhere, but are whole nowhere (above); "
            f"`make train ENV={name}` computes them again, with SHARE=1 for the remote as well"
        )


if __name__ == "__main__":
    run(main)
