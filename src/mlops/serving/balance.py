"""Kept connections spread over the workers: one that has more to do asks clients to come again.

Workers share a socket, and a client keeps the connection that it got: by chance one worker gets
two thirds of them. Each writes down once a second how many requests it is answering; the one with
more closes half of the difference, with `connection: close` in a response, as HTTP/1.1 allows.
"""

import os
import time
from contextlib import suppress
from pathlib import Path

SECONDS = 1.0  # between two looks
STALE = 3 * SECONDS  # a worker that wrote nothing for so long answers nothing
CLOSE = {"connection": "close"}


class Balance:
    """What one worker has to do; `with` it a request is being answered.

    Without a folder, which the workers of one server share, there is nobody to share work with.
    """

    def __init__(self, folder: Path | None = None, server: int = 0) -> None:
        self._folder, self._name = folder, f"requests-{server}"
        self._in_flight = self._sum = self._responses = self._surplus = 0
        self._due = 0.0
        self._write(0)

    def __enter__(self) -> None:
        self._in_flight += 1

    def __exit__(self, *error: object) -> None:
        self._in_flight -= 1

    def headers(self) -> dict[str, str]:
        """Return what the next response says of its connection."""
        self._sum += self._in_flight
        self._responses += 1
        if (now := time.monotonic()) >= self._due:
            self._due = now + SECONDS
            self._surplus = self._look()
        if not self._surplus:
            return {}
        self._surplus -= 1
        return CLOSE

    def _look(self) -> int:
        """Compare the requests that are answered at once, on average, with those of the others."""
        mine = round(self._sum / self._responses)
        self._sum = self._responses = 0
        self._write(mine)
        paths = self._folder.glob(f"{self._name}-*") if self._folder else ()
        found = [one for one in map(_read, paths) if one is not None]
        return max(0, mine - min(found, default=mine)) // 2

    def _write(self, number: int) -> None:
        if self._folder:
            with suppress(OSError):  # a full disk ends no request
                (self._folder / f"{self._name}-{os.getpid()}").write_text(str(number))


def _read(path: Path) -> int | None:
    """Return how many requests a worker answers at once; nothing if it is gone."""
    with suppress(OSError, ValueError):
        os.kill(int(path.name.rpartition("-")[2]), 0)
        fresh = time.time() - path.stat().st_mtime < STALE
        return int(path.read_text()) if fresh else 0
    return None
