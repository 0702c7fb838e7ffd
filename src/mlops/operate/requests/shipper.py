"""Take closed files of a spool to the store: as Parquet, under keys that a second try repeats.

A file is deleted when its objects are written. Killed in between, the next try writes the same
objects over themselves: nothing is lost, and nothing is there twice.
"""

import fcntl
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from mlops.core.errors import OperateError
from mlops.operate.requests import keys, table
from mlops.operate.requests.store import Store

SECONDS = 10.0  # between two looks at the spool
LONGEST = 300.0  # between two tries while the store cannot be reached

log = logging.getLogger(__name__)


class Shipper:
    """What ships one spool."""

    def __init__(self, spool: Path, store: Store, environment: str) -> None:
        self._spool, self._store, self._environment = spool, store, environment

    def ship(self) -> int:
        """Ship what is closed or left by a killed worker; return how many predictions that were.

        The first file that cannot be shipped raises OperateError, and stays.
        """
        self._take_over()
        return sum(self._ship(path) for path in sorted(self._spool.glob("*.jsonl")))

    def waiting(self) -> int:
        """Return how many bytes wait in files that nobody writes to any more."""
        return sum(path.stat().st_size for path in self._spool.glob("*.jsonl"))

    def run(self, wait: Callable[[float], bool]) -> None:
        """Ship until `wait`, given the seconds, says that it is over; then once more."""
        pause, over = SECONDS, False
        while not over:
            pause = SECONDS if self._try() else min(2 * pause, LONGEST)
            over = wait(pause)
        self.ship()

    def _try(self) -> bool:
        try:
            self.ship()
        except OperateError as error:
            log.warning("%s; %d bytes wait", error, self.waiting())
            return False
        return True

    def _take_over(self) -> None:
        """Close the files of workers that are gone: nobody holds their locks."""
        for path in self._spool.glob("*.part"):
            with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.rename(path.with_suffix(".jsonl"))

    def _ship(self, path: Path) -> int:
        try:
            days, torn = table.parse(path.read_bytes())
        except FileNotFoundError:
            return 0  # a second shipper was faster, as while pods take over on one machine
        if torn:
            log.warning("%s: %d lines are torn, which are lost", path.name, torn)
        for day, rows in days.items():
            self._store.write(keys.key(self._environment, day, path.stem), table.dump(rows))
        path.unlink(missing_ok=True)
        shipped: int = sum(rows.num_rows for rows in days.values())
        log.info("shipped %s: %d predictions", path.name, shipped)
        return shipped
