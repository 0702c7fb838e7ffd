"""Rules of mlops.tables.changes."""

from mlops.config.schema import Change
from mlops.tables import changes


def test_shares_of_before_follow_from_the_change() -> None:
    """Of 6 rows now, 3 were added and 1 was removed: there were 4."""
    told = changes.describe(
        {"neg": 4, "pos": 2}, Change(previous="abc", added={"neg": 3}, removed={"mixed": 1})
    )

    assert (told["previous"], told["added"], told["removed"]) == ("abc", 3, 1)
    assert told["labels"] == {
        "mixed": {"before": 0.25, "now": 0.0, "shift": -0.25},
        "neg": {"before": 0.25, "now": 0.666667, "shift": 0.416667},
        "pos": {"before": 0.5, "now": 0.333333, "shift": -0.166667},
    }


def test_what_nobody_knows_is_told_as_such() -> None:
    """No figure is better than a wrong one."""
    told = changes.describe({"neg": 4}, Change(previous="abc", added=None, removed=None))

    assert told == {"previous": "abc", "added": None, "removed": None}
