"""Rules of mlops.reporting.display."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.reporting import display

leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers())
)
trees = st.dictionaries(
    st.text(), st.recursive(leaves, lambda tree: st.dictionaries(st.text(), tree, max_size=4))
)


@settings(max_examples=30)
@given(trees)
def test_any_tree_of_counts_can_be_laid_out(tree: dict[str, Any]) -> None:
    """The data report may hold what it likes: every table is rectangular."""
    for table in display.tables(tree):
        assert len({len(row) for row in table.rows} | {len(table.head) or 2}) == 1 or not table.rows


def test_what_has_the_same_shape_stands_side_by_side() -> None:
    """Splits become columns, in their order; what one lacks is a dash."""
    tree = {"splits": {"test": {"kept": 1}, "train": {"kept": 2, "found": 3000}}, "sample": 0.1}

    overview, splits = display.tables(tree)

    assert overview.rows == [["sample", "0.1"]]
    assert (splits.head, splits.rows) == (
        ["", "train", "test"],
        [["found", "3,000", "-"], ["kept", "2", "1"]],
    )


def test_long_tables_are_cut_and_say_so() -> None:
    """A thousand classes do not make a thousand lines."""
    table = display.pairs("many", {str(n): "x" for n in range(100)})

    assert (len(table.rows), table.left_out) == (60, 40)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), (True, "yes"), (1234567, "1,234,567"), ([], "-"), ([1, 2], "1, 2"), (0.5, "0.5")],
)
def test_values_are_written_for_people(value: Any, shown: str) -> None:
    """No Python spelling is left."""
    assert display.flat({"a": {"b": value}}) == {"a / b": shown}


def test_shares_are_percentages() -> None:
    """A leaf named share is one."""
    assert display.flat({"share": 0.25}) == {"share": "25.0\N{NO-BREAK SPACE}%"}


def test_differences_have_a_sign() -> None:
    """With a real minus, which is as wide as the plus."""
    assert (display.points(0.015), display.points(-0.2)) == ("+1.5", "\N{MINUS SIGN}20.0")
    assert {display.points(value) for value in (0.0, 0.0001, -0.0001)} == {"0.0"}


def test_control_characters_are_shown_not_sent() -> None:
    """NUL and escape sequences have no place in a page; long texts are cut."""
    assert (
        display.clean("a\x00b\x1b\nc", 5)
        == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}\n…"
    )
