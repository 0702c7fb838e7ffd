"""The log of one worker: a request is handed over by one put, and a thread writes it down.

What does not fit is dropped and counted, and no request waits for it. What is counted as written
is in the spool and survives this process; what a killed worker had not written yet is lost, counted
neither as written nor as dropped.
"""

import hashlib
import logging
import queue
import re
import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any

from mlops.serving.request import Headers
from mlops.serving.request_log.counts import Counts
from mlops.serving.request_log.lines import Entry, Kept, predictions
from mlops.serving.request_log.spool import Spool
from mlops.serving.schemas import Form

SIZE = 1000  # requests that may wait to be written
MAX_BYTES = 16_000_000  # of their bodies
BATCH = 100  # requests that are written at once
SECONDS = 1.0  # after which the thread looks at its file, also where nothing comes
REQUEST_ID, UNIT = b"x-request-id", b"x-unit"  # headers: the name of a request, whose it is
PLAIN = re.compile(rb"[A-Za-z0-9._:-]{1,128}")

logger = logging.getLogger("bentoml.serve")


class RequestLog:
    """The log of one worker; a share of the requests, chosen by a hash of their names."""

    def __init__(self, kept: Kept, spool: Spool, counts: Counts, sample: float = 1.0) -> None:
        self._kept, self._spool, self._counts, self._sample = kept, spool, counts, sample
        self._queue: queue.Queue[Entry | None] = queue.Queue(SIZE)
        # Bytes of the bodies that came and went: each is written by one thread alone.
        self._came = self._went = 0
        self._closed = self._failing = False
        self._thread = threading.Thread(target=self._work, name="request-log", daemon=True)
        self._thread.start()

    def name(self, headers: Headers) -> tuple[str, str | None]:
        """Return the name of a request, as its client gave it or a new one, and whose it is."""
        found = {key: value for key, value in headers if key in (REQUEST_ID, UNIT)}
        name, unit = found.get(REQUEST_ID, b""), found.get(UNIT, b"")
        plain = name.decode() if PLAIN.fullmatch(name) else uuid.uuid4().hex
        return plain, unit.decode() if PLAIN.fullmatch(unit) else None

    def put(
        self, headers: Headers, form: Form, fields: Mapping[str, Any], found: Mapping[str, Any],
        size: int,
    ) -> dict[str, str]:  # fmt: skip
        """Hand over an answered request; return the header that tells its client the name."""
        name, unit = self.name(headers)
        if is_sampled(name, self._sample):
            role = self._kept.role(headers)
            self._hand_over(Entry(time.time(), name, unit, role, form, fields, found, size))
        return {REQUEST_ID.decode(): name}

    def close(self) -> None:
        """Write what was handed over, and close the file."""
        self._closed = True
        self._queue.put(None)
        self._thread.join()

    def _hand_over(self, entry: Entry) -> None:
        try:
            if self._closed or self._came - self._went + entry.size > MAX_BYTES:
                raise queue.Full
            self._queue.put_nowait(entry)
            self._came += entry.size
        except queue.Full:
            self._counts.dropped.inc(_count(entry))

    def _work(self) -> None:
        going = True
        while going:
            entries = self._take()
            going = None not in entries
            self._counts.pending.set(self._queue.qsize())
            self._write([entry for entry in entries if entry])
            self._spool.close_old()
            self._counts.held.set(self._spool.held)
        self._spool.close()

    def _take(self) -> list[Entry | None]:
        """Return what waits, or after a while nothing."""
        entries: list[Entry | None] = []
        try:
            entries.append(self._queue.get(timeout=SECONDS))
            while len(entries) < BATCH:
                entries.append(self._queue.get_nowait())
        except queue.Empty:
            pass
        return entries

    def _write(self, entries: list[Entry]) -> None:
        """Write the lines of requests; whatever goes wrong fails no request, and is counted."""
        lines = [line for entry in entries for line in self._lines(entry)]
        self._went += sum(entry.size for entry in entries)
        if not lines:
            return
        try:
            self._spool.write(b"".join(lines))
        except OSError as error:
            self._drop(len(lines), error)
        else:
            self._counts.written.inc(len(lines))
            self._failing = False

    def _lines(self, entry: Entry) -> list[bytes]:
        try:
            return self._kept.lines(entry)
        except Exception as error:  # what a project answers may be of any shape
            self._drop(_count(entry), error)
            return []

    def _drop(self, number: int, error: Exception) -> None:
        self._counts.dropped.inc(number)
        if not self._failing:  # once, until it works again: the counter has the rest
            logger.warning("warning: predictions are not logged: %r", error)
        self._failing = True


def is_sampled(name: str, share: float) -> bool:
    """Tell whether a request is among the share that is kept: the same in all pods and versions."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") < share * 2**64


def _count(entry: Entry) -> int:
    return sum(1 for _ in predictions(entry.found))
