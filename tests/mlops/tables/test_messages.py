"""Rules of mlops.tables.messages."""

import pytest

from mlops.tables import messages


def test_a_long_text_is_cut() -> None:
    """An error never prints a text of 10 MB."""
    assert messages.short("x" * 10_000_000) == repr("x" * 80) + "…"


def test_many_values_are_counted() -> None:
    """A list shows the first and counts the others."""
    assert messages.listed(["a", "b", "c"], most=2) == "'a', 'b' and 1 more"


def test_no_value_is_said_so() -> None:
    """A sentence does not end in nothing."""
    assert messages.listed([]) == "none"


@pytest.mark.parametrize(("value", "hint"), [("txt", " (did you mean 'text'?)"), ("zzz", "")])
def test_only_a_similar_value_is_proposed(value: str, hint: str) -> None:
    """No proposal is better than a wild one."""
    assert messages.meant(value, ["text", "label", ""]) == hint
