"""Files of lines that another process takes away: what is written here survives this process.

The file that a worker writes to ends with .part and is locked for as long as the worker lives; a
closed one ends with .jsonl. So whoever ships them can tell a file in use from one left by a killed
worker, also from another container.
"""

import fcntl
import os
import time
import uuid
from contextlib import suppress
from pathlib import Path

MAX_BYTES = 4_000_000  # of a file; then it is closed, whatever its age
SECONDS = 1.0  # between two looks at what the folder holds


class Spool:
    """One worker's files in a folder that all workers of a machine may share."""

    def __init__(self, folder: Path, max_bytes: int, seconds: float) -> None:
        self._folder, self._max_bytes, self._seconds = folder, max_bytes, seconds
        self._file = -1
        self._path = folder
        self._size = self._held = 0
        self._opened = self._due = 0.0

    @property
    def held(self) -> int:
        """Return how many bytes the folder holds; it is looked at once a second."""
        if (now := time.monotonic()) >= self._due:
            self._due = now + SECONDS
            with suppress(OSError):
                self._held = sum(map(_size, self._folder.iterdir()))
        return self._held

    def write(self, lines: bytes) -> None:
        """Write lines, whole or not at all; raise OSError where there is no room."""
        if self.held + len(lines) > self._max_bytes:
            raise OSError(f"{self._folder} holds {self._held:,} of {self._max_bytes:,} bytes")
        if self._file < 0:
            self._open()
        try:
            written = os.write(self._file, lines)
            if written < len(lines):  # the disk was full in the middle of it
                raise OSError(f"the disk of {self._folder} is full")
        except OSError:
            os.ftruncate(self._file, self._size)
            os.lseek(self._file, self._size, os.SEEK_SET)
            raise
        self._size += written
        self._held += written
        if self._size >= MAX_BYTES:
            self.close()

    def close_old(self) -> None:
        """Close the file once it is old enough to be taken away."""
        if self._file >= 0 and time.monotonic() - self._opened >= self._seconds:
            self.close()

    def close(self) -> None:
        """Close the file, and give it the name by which it is taken away."""
        if self._file < 0:
            return
        with suppress(OSError):  # without its new name it counts as left by a killed worker
            os.fsync(self._file)
            self._path.rename(self._path.with_suffix(".jsonl"))
        os.close(self._file)
        self._file = -1

    def _open(self) -> None:
        name = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{uuid.uuid4().hex[:12]}.part"
        path = self._folder / name
        # Under a name that nobody looks for, until it is locked.
        hidden = path.with_suffix(".new")
        file = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        fcntl.flock(file, fcntl.LOCK_EX)
        hidden.rename(path)
        self._file, self._path, self._size = file, path, 0
        self._opened = time.monotonic()


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):  # it was just taken away
        return path.stat().st_size
    return 0
