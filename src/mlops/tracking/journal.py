"""The journal of a run: what is recorded, line by line, before MLflow gets it. Knows no MLflow.

Reads, writes: .runs/<environment>/<id>/: journal.jsonl, files/, state.json (how far a store has it)
"""

import fcntl
import json
import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlops.core import files, paths
from mlops.tracking import server

Entry = dict[str, Any]

DAMAGED = "damaged"
# The fields of each kind of entry, beside its kind and time.
KINDS: dict[str, dict[str, type]] = {
    "run": {},
    "params": {"values": dict},
    "tags": {"values": dict},
    "metrics": {"step": int, "values": dict},
    "dataset": {"name": str, "digest": str, "source": str},
    "files": {"folder": str, "to": str},
    "status": {"value": str},
}


def parse_entry(line: bytes) -> Entry:
    """Return the entry of a line; a damaged line (power cut, edit by hand) is a kind of its own."""
    try:
        entry = json.loads(line)
        fields = {"time": int, **KINDS[entry["kind"]]}
        if all(isinstance(entry[name], kind) for name, kind in fields.items()):
            return dict(entry)
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    return {"kind": DAMAGED}


class Journal:
    """The record of one run; lock it before writing to it or sending it."""

    def __init__(self, environment: str, name: str = "") -> None:
        self.environment = environment
        self.name = name or uuid.uuid4().hex
        self.folder = paths.journals(environment) / self.name
        self.path = self.folder / "journal.jsonl"
        self._writing = threading.Lock()  # system metrics come from a thread of their own

    def exists(self) -> bool:
        """Return whether anything was written."""
        return self.path.exists()

    def append(self, kind: str, **values: Any) -> None:
        """Write an entry; once this returns, the end of the process does not lose it."""
        entry = {"kind": kind, "time": int(time.time() * 1000), **values}
        line = (json.dumps(entry, ensure_ascii=False) + "\n").encode("utf-8", "replace")
        with self._writing, self.path.open("ab", buffering=0) as file:
            start = file.tell()
            try:
                while line:
                    line = line[file.write(line) :]
            except OSError:
                file.truncate(start)  # a full disk took a part, and the next line would join it
                raise

    def attach(self, source: Path | Mapping[str, bytes], to: str = "") -> None:
        """Copy a folder, or named contents, into the run's artifacts."""
        target = self.folder / "files" / uuid.uuid4().hex
        if isinstance(source, Path):
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("compare.html"))
        else:
            target.mkdir(parents=True)
            for name, content in source.items():
                (target / name).write_bytes(content)
        self.append("files", folder=target.name, to=to)

    def entries(self, start: int = 0) -> Iterator[tuple[int, Entry]]:
        """Yield the whole entries after a place in the file, each with the place where it ends."""
        if not self.exists():
            return
        with self.path.open("rb") as file:
            file.seek(start)
            for line in file:
                if not line.endswith(b"\n"):
                    return  # still being written, or cut short by a kill
                start += len(line)
                yield start, parse_entry(line)

    def head(self) -> Entry:
        """Return the entry that describes the run; an empty one if that is damaged."""
        return next(self._of("run"), {})

    def files(self, entry: Entry) -> Path:
        """Return the folder that an entry attached."""
        return self.folder / "files" / str(entry["folder"])

    def last_steps(self) -> dict[str, int]:
        """Return the last step of each metric."""
        return {name: one["step"] for one in self._of("metrics") for name in one["values"]}

    def tags(self) -> dict[str, str]:
        """Return the tags, each with its last value."""
        return {name: text for one in self._of("tags") for name, text in one["values"].items()}

    def is_finished(self) -> bool:
        """Return whether the run ended well; one that failed may be resumed."""
        status = [entry["value"] for entry in self._of("status")]
        return status[-1] == "FINISHED" if status else bool(self.head().get("continued"))

    def set_target(self, store: str, offline: bool) -> None:
        """Note which store gets the run, and whether a server is to get it later."""
        self._write({**self._state(), "store": store, "offline": offline})

    @property
    def store(self) -> str:
        """Return the store that gets the run."""
        return str(self._state()["store"])

    @property
    def offline(self) -> bool:
        """Return whether the run was recorded here although a server is to have it."""
        return bool(self._state()["offline"])

    def sent(self, store: str) -> Entry:
        """Return the run's id in a store (None: not created yet) and how far the store has it."""
        return dict(self._state().get("sent", {}).get(store, {"run_id": None, "end": 0}))

    def mark(self, store: str, **values: Any) -> None:
        """Note how far a store has it."""
        state = self._state()
        state["sent"] = {**state.get("sent", {}), store: {**self.sent(store), **values}}
        self._write(state)

    def stores(self) -> list[str]:
        """Return the stores that have some of it."""
        return list(self._state().get("sent", {}))

    def is_unsent(self, store: str) -> bool:
        """Return whether a store lacks some of it."""
        return self.exists() and int(self.sent(store)["end"]) < self.path.stat().st_size

    def remove(self) -> None:
        """Delete it; every store that is to have it has it."""
        shutil.rmtree(self.folder)

    @contextmanager
    def lock(self, wait: bool = True) -> Iterator[bool]:
        """Keep other processes away; without `wait`, yield whether that worked."""
        file = self.folder / "lock"
        while True:
            self.folder.mkdir(parents=True, exist_ok=True)
            with file.open("w", encoding="utf-8") as handle:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
                except BlockingIOError:
                    yield False
                    return
                # The holder before may have sent all of it and removed the folder with this lock.
                if file.exists() and file.stat().st_ino == os.fstat(handle.fileno()).st_ino:
                    self._drop_cut_line()
                    yield True
                    break
        if self.folder.exists() and not self.exists():
            self.remove()

    def _drop_cut_line(self) -> None:
        if self.exists():
            os.truncate(self.path, max((end for end, _ in self.entries()), default=0))

    def _of(self, kind: str) -> Iterator[Entry]:
        return (entry for _, entry in self.entries() if entry["kind"] == kind)

    def _state(self) -> Entry:
        found = files.known(self.folder / "state.json")
        if found is None and not self.exists():
            return {}  # a new one
        if found is None or not isinstance(found.get("store"), str):
            # Damaged: the store is asked whether it has the run, and gets what it lacks.
            store = server.redact(server.get_uri(self.environment))
            return {"store": store, "offline": False, "sent": {store: {"run_id": None, "end": 0}}}
        sent = {
            server.get_current_name(store): value for store, value in found.get("sent", {}).items()
        }
        return {**found, "store": server.get_current_name(found["store"]), "sent": sent}

    def _write(self, state: Entry) -> None:
        files.write_json(self.folder / "state.json", state)


def list_journals(environment: str) -> list[Journal]:
    """Return the journals of an environment, in a stable order."""
    found = sorted(paths.journals(environment).glob("*/journal.jsonl"))
    return [Journal(environment, path.parent.name) for path in found]
