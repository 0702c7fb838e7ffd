"""Rules of release.versions.history: what is live, what rolls back, what was changed."""

import json
from collections.abc import Callable

import pytest

from mlops.release.versions import history
from mlops.release.versions.history import DEPLOY, DONE, ROLLBACK, UNDONE, Entry, History


def written(*changes: tuple[str, str] | tuple[str, str, str]) -> dict[str, str]:
    """Return the record of changes: what, version, and how it ended (done unless told)."""
    notes: dict[str, str] = {}
    for what, version, *ended in changes:
        found = history.read(notes)
        live = found.live.version if found.live else ""
        whole = found.next(Entry(what, version, before=live))
        notes[history.key(whole)] = whole.text
        if (end := ended[0] if ended else DONE) != "open":
            whole = history.read(notes).next(Entry(end, version))
            notes[history.key(whole)] = whole.text
    return notes


def back(found: History) -> str | None:
    """Return the version that a rollback returns to."""
    return found.back.version if found.back else None


@pytest.mark.parametrize(
    ("changes", "live", "returns_to"),
    [
        ([], None, None),
        ([(DEPLOY, "1")], "1", None),
        ([(DEPLOY, "1"), (DEPLOY, "2")], "2", "1"),
        ([(DEPLOY, "1"), (DEPLOY, "2", UNDONE)], "1", None),
        ([(DEPLOY, "1"), (DEPLOY, "2", "open")], "1", None),
        ([(DEPLOY, "1"), (DEPLOY, "2"), (DEPLOY, "3"), (ROLLBACK, "2")], "2", "1"),
        ([(DEPLOY, "1"), (DEPLOY, "2"), (ROLLBACK, "1")], "1", None),
        ([(DEPLOY, "1"), (DEPLOY, "2"), (ROLLBACK, "1"), (DEPLOY, "3")], "3", "1"),
        ([(DEPLOY, "1"), (DEPLOY, "2"), (DEPLOY, "2")], "2", "1"),
        ([(DEPLOY, "1"), (DEPLOY, "2"), (ROLLBACK, "1"), (ROLLBACK, "2")], "2", "1"),
    ],
)
def test_a_rollback_returns_to_what_was_live_and_was_not_left(
    changes: list[tuple[str, str]], live: str | None, returns_to: str | None
) -> None:
    """Never to a version that a rollback has left, nor to one that never got there."""
    found = history.read(written(*changes))

    assert (found.live.version if found.live else None) == live
    assert back(found) == returns_to


def test_what_a_rollback_has_left_is_withdrawn_until_it_comes_back() -> None:
    """With the entry that tells when and why."""
    left = [(DEPLOY, "1"), (DEPLOY, "2"), (ROLLBACK, "1")]
    found = history.read(written(*left))
    again = history.read(written(*left, (ROLLBACK, "2")))

    withdrawn = found.withdrawn("2")
    assert withdrawn
    assert (withdrawn.what, withdrawn.version) == (ROLLBACK, "1")
    assert found.withdrawn("1") is None
    assert again.withdrawn("2") is None


def test_a_change_that_has_not_ended_is_known() -> None:
    """Somebody is at it, or was killed."""
    begun = history.read(written((DEPLOY, "1"), (DEPLOY, "2", "open"))).unfinished

    assert begun
    assert begun.version == "2"
    assert history.read(written((DEPLOY, "1"))).unfinished is None


NAMES = sorted(written((DEPLOY, "1"), (DEPLOY, "2")))


def edited(notes: dict[str, str]) -> None:
    """Make somebody else responsible."""
    notes[NAMES[0]] = json.dumps({**json.loads(notes[NAMES[0]]), "who": "somebody else"})


CHANGES: dict[str, tuple[Callable[[dict[str, str]], object], str]] = {
    "edited": (edited, "entry 1 is not the one that entry 2 follows"),
    "removed": (lambda notes: notes.pop(NAMES[1]), "entry 2 is missing"),
    "first removed": (lambda notes: notes.pop(NAMES[0]), "entry 1 is missing"),
    "broken": (lambda notes: notes.update({NAMES[2]: "{"}), "entry 3 cannot be read"),
    "exchanged": (lambda n: n.update({NAMES[0]: n[NAMES[2]]}), "entry 1 is missing"),
}


@pytest.mark.parametrize(("change", "told"), CHANGES.values(), ids=CHANGES)
def test_a_changed_record_is_told(change: Callable[[dict[str, str]], object], told: str) -> None:
    """Which entry it is, whatever was done to it."""
    notes = written((DEPLOY, "1"), (DEPLOY, "2"))
    assert history.read(notes).wrong == ""

    change(notes)

    assert history.read(notes).wrong == told


def test_other_tags_are_no_entries() -> None:
    """Whoever tags the registered model does not change the record."""
    notes = written((DEPLOY, "1"))

    assert history.read({**notes, "team": "nlp"}) == history.read(notes)
