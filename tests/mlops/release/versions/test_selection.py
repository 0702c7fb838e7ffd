"""Rules of mlops.release.versions.selection: what may be deployed."""

import pytest

from mlops.core.errors import DeployError
from mlops.release.versions import selection
from mlops.release.versions.history import ROLLBACK, Entry
from mlops.release.versions.registry import Version

GOOD = {
    "gate.verdict": "accepted",
    "gate.against": "classifier version 1",
    "git.dirty": "no",
    "git.commit": "c0ffee",
}
LIVE = "classifier version 1"


def version(**tags: str | None) -> Version:
    """Return a version with these tags."""
    whole = {name.replace("_", "."): value for name, value in tags.items()}
    kept = {name: value for name, value in {**GOOD, **whole}.items() if value is not None}
    return Version("classifier", "2", "run", kept, ())


def test_an_accepted_version_may_go() -> None:
    """Judged against what is live, from code that is in a commit."""
    selection.check_accepted(version(), LIVE, None)


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        ({"gate_verdict": None}, "the gate has not evaluated it; run `make gate`"),
        ({"gate_verdict": "rejected", "gate_reasons": "slow"}, r"the gate rejected it \(slow\)"),
        ({"gate_against": "none"}, "compared with none, but classifier version 1 is live"),
        ({"git_dirty": "yes"}, "its code was not committed"),
        ({"git_dirty": None}, "its code was not committed"),
        ({"git_commit": "unknown"}, "its code was not committed"),
    ],
)
def test_any_other_is_refused(tags: dict[str, str | None], told: str) -> None:
    """With the reason, and what to do; nothing forces it."""
    with pytest.raises(DeployError, match=told):
        selection.check_accepted(version(**tags), LIVE, None)


def test_a_version_that_was_rolled_back_is_refused() -> None:
    """Although the gate had accepted it."""
    left = Entry(ROLLBACK, "1", before="2", why="complaints", at="2026-11-25T12:00:00+00:00")

    with pytest.raises(DeployError, match=r"rolled back \(2026-11-25.*: complaints\).*TO=2"):
        selection.check_accepted(version(), LIVE, left)
