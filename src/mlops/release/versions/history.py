"""The record of what was deployed: entries are only added, each with the hash of the one before.

Who changes or removes one breaks the chain (a hash chain, as in Git), which is reported. The hash
of the newest entry is kept where the service runs, out of the record's own reach.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from mlops.core import hashing, revision

PREFIX = "release."
DEPLOY, ROLLBACK, DONE, UNDONE = "deploy", "rollback", "done", "undone"
CANARY = "canary"  # a strategy
ENDED = "ended"  # of what made nothing live: two versions have shared the traffic for a while
STOP = "stop"  # the name under which somebody asks that a change be undone
LONGEST = 1000  # characters of a reason; MLflow keeps 5,000 of a tag


@dataclass(frozen=True)
class Entry:
    """A change that begins (deploy, rollback), or how it ended (done, undone)."""

    what: str
    version: str  # that shall be live
    before: str = ""  # that was live
    image: str = ""
    manifests: str = ""  # SHA-256 of what was applied
    why: str = ""
    commit: str = ""  # of the code that deployed
    who: str = ""
    at: str = ""
    number: int = 0
    previous: str = ""  # SHA-256 of the entry before
    strategy: str = ""  # how it takes over, if not at once

    @property
    def text(self) -> str:
        """Return the entry as it is kept; an earlier release can read what needs no strategy."""
        values = {name: one for name, one in asdict(self).items() if one or name != "strategy"}
        return json.dumps(values, sort_keys=True, ensure_ascii=False)


@dataclass(frozen=True)
class History:
    """What was deployed in an environment, oldest first, and what is wrong with the record."""

    entries: tuple[Entry, ...] = ()
    hashes: tuple[str, ...] = ()  # SHA-256 of each entry
    wrong: str = ""

    @property
    def unfinished(self) -> Entry | None:
        """Return the change that has begun and not ended: somebody is at it, or was killed."""
        last = self.entries[-1] if self.entries else None
        return last if last and last.what in (DEPLOY, ROLLBACK) else None

    @property
    def live(self) -> Entry | None:
        """Return the change that made live what is live."""
        return next(iter(reversed(self.done)), None)

    @property
    def back(self) -> Entry | None:
        """Return the change to which a rollback returns.

        A version that was left by a rollback is none to return to.
        """
        stack: list[Entry] = []
        for entry in self.done:
            known = [one.version for one in stack]
            if entry.what == ROLLBACK and entry.version in known:
                del stack[known.index(entry.version) :]
            elif known[-1:] == [entry.version]:
                stack.pop()
            stack.append(entry)
        return stack[-2] if len(stack) > 1 else None

    def last(self, version: str) -> Entry | None:
        """Return the newest change that made a version live."""
        return next((one for one in reversed(self.done) if one.version == version), None)

    def withdrawn(self, version: str) -> Entry | None:
        """Return the rollback that has left a version, unless it was brought back since."""
        for entry in reversed(self.done):
            if entry.version == version:
                return None
            if entry.what == ROLLBACK and entry.before == version:
                return entry
        return None

    def next(self, entry: Entry) -> Entry:
        """Return an entry with its place in the record, its time and who made it."""
        return replace(
            entry,
            why=entry.why[:LONGEST],
            commit=revision.tags().get("git.commit", ""),
            who=revision.who() or "unknown",
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            number=len(self.hashes) + 1,
            previous=self.hashes[-1] if self.hashes else "",
        )

    @property
    def done(self) -> list[Entry]:
        """Return the changes that ended well."""
        pairs = zip(self.entries, self.entries[1:], strict=False)
        return [begun for begun, ended in pairs if ended.what == DONE]


def key(entry: Entry) -> str:
    """Return the name under which an entry is kept."""
    return f"{PREFIX}{entry.number:06d}"


def read(notes: Mapping[str, str]) -> History:
    """Return the history that is kept under these names; what cannot be read is left out."""
    texts = [notes[name] for name in sorted(notes) if name.startswith(PREFIX)]
    entries = [_parsed(text) for text in texts]
    return History(
        tuple(entry for entry in entries if entry),
        tuple(map(hashing.text, texts)),
        next(_breaks(entries, texts), ""),
    )


def _parsed(text: str) -> Entry | None:
    try:
        return Entry(**json.loads(text))
    except (ValueError, TypeError):
        return None


def _breaks(entries: list[Entry | None], texts: list[str]) -> Iterator[str]:
    hashes = ["", *map(hashing.text, texts)]
    for place, entry in enumerate(entries):
        if entry is None:
            yield f"entry {place + 1} cannot be read"
        elif entry.number != place + 1:
            yield f"entry {place + 1} is missing"
        elif entry.previous != hashes[place]:
            yield f"entry {place} is not the one that entry {entry.number} follows"


def stop(begun: Entry, why: str) -> str:
    """Return what asks that a change be undone which somebody else is at."""
    who = revision.who() or "unknown"
    return json.dumps({"number": begun.number, "who": who, "why": why[:LONGEST]})


def stopped(notes: Mapping[str, str]) -> str:
    """Return who asks that the change under way be undone, and why; nothing where nobody does."""
    begun = read(notes).unfinished
    try:
        asked = json.loads(notes.get(STOP, "null"))
        if begun and asked and asked["number"] == begun.number:
            return f"{asked['who']} has stopped it ({asked['why'] or 'no reason given'})"
    except (ValueError, TypeError, KeyError):
        pass
    return ""
