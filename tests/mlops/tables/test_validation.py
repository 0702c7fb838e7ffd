"""Rules of mlops.tables.validation."""

from typing import Any

import pandera.errors
import polars as pl
import pytest

from mlops.config.schema import Prepare
from mlops.core.errors import DataError
from mlops.tables import validation
from mlops.tables.validation import SPLITS, Contract

Rows = list[tuple[str, str | None, str | None]]
ALL = [*validation.row_rules(max_chars=10), *validation.TWIN_RULES]

# For each rule rows that break it, and the positions of those that go.
BROKEN: dict[str, tuple[Rows, list[int]]] = {
    "nulls": ([("train", None, "x"), ("train", "a", None), ("val", "b", "x")], [0, 1]),
    "empty": ([("train", "", "x"), ("train", " \n", "x"), ("train", "a", "x")], [0, 1]),
    "too_long": ([("train", "ä" * 10, "x"), ("train", "ä" * 11, "x")], [1]),
    "duplicates": ([("train", "a", "x"), ("train", "a", "x"), ("val", "b", "x")], [1]),
    "conflicts": ([("train", "a", "x"), ("val", "a", "y"), ("val", "b", "y")], [0, 1]),
    "leakage": ([("train", "a", "x"), ("val", "a", "x"), ("test", "a", "x")], [0, 1]),
}


def table(rows: Rows) -> pl.DataFrame:
    """Return a table as validation expects it."""
    splits, texts, labels = zip(*rows, strict=True)
    return pl.DataFrame(
        {"split": splits, "row": range(1, len(rows) + 1), "text": texts, "label": labels},
        schema={"split": SPLITS, "row": pl.UInt32, "text": pl.String, "label": pl.String},
    )


def policies(values: dict[str, Any], **changed: str) -> Prepare:
    """Return the section `prepare` in which all policies are `refuse` but the changed ones."""
    refuse = dict.fromkeys(BROKEN, "refuse")
    return Prepare.model_validate(values["prepare"] | refuse | changed)


@pytest.mark.parametrize("name", BROKEN)
def test_drop_takes_the_bad_rows_and_counts_them(values: dict[str, Any], name: str) -> None:
    """All other rows stay in their order."""
    rows, bad = BROKEN[name]
    [rule] = [rule for rule in ALL if rule.name == name]
    kept, dropped = validation.screen(table(rows), [rule], policies(values, **{name: "drop"}))

    assert kept["row"].to_list() == [n + 1 for n in range(len(rows)) if n not in bad]
    assert sum(dropped[name].values()) == len(bad)


@pytest.mark.parametrize("name", BROKEN)
def test_refuse_shows_the_bad_rows_and_the_way_out(values: dict[str, Any], name: str) -> None:
    """The error has the count, the place of a row and the key that would drop it."""
    rows, bad = BROKEN[name]
    message = rf"^{len(bad)} rows? ha.*{rows[bad[0]][0]} row {bad[0] + 1} .*prepare\.{name}=drop$"
    with pytest.raises(DataError, match=message):
        validation.screen(table(rows), ALL, policies(values))


@pytest.mark.parametrize("name", BROKEN)
def test_each_fault_is_found_under_its_own_name(values: dict[str, Any], name: str) -> None:
    """What breaks one rule breaks none before it, and nothing is left to break one after it."""
    rows, _ = BROKEN[name]
    _, dropped = validation.screen(table(rows), ALL, policies(values, **{name: "drop"}))

    assert [rule for rule, counts in dropped.items() if counts] == [name]


def test_good_rows_pass(values: dict[str, Any]) -> None:
    """Nothing is dropped and nothing refused."""
    rows: Rows = [("train", "a", "x"), ("train", "b", "y"), ("test", "c", "x")]
    kept, dropped = validation.screen(table(rows), ALL, policies(values))

    assert len(kept) == 3
    assert dropped == {name: {} for name in BROKEN}


def test_an_error_shows_five_rows_cut_short() -> None:
    """A text of 10 MB and a thousand bad rows make a readable error."""
    rows: Rows = [("train", "x" * 10_000_000, "a"), *[("train", "long enough", "a")] * 999]
    with pytest.raises(DataError, match=r"^1,000 rows have .*; …: fix the source") as told:
        validation.refuse(table(rows), ALL[2])

    assert str(told.value).count("labelled") == 5
    assert len(str(told.value)) < 1000


def test_a_leak_is_shown_with_both_places() -> None:
    """Whoever fixes the source must know where the other row is."""
    rows: Rows = [("train", "a", "x"), ("val", "b", "x"), ("test", "a", "x")]
    with pytest.raises(DataError, match="train row 1 'a' labelled 'x', as test row 3 labelled 'x'"):
        validation.refuse(table(rows), validation.TWIN_RULES[2])


def test_a_conflict_is_shown_with_the_other_label() -> None:
    """A row that agrees is not the one that makes the conflict."""
    rows: Rows = [("train", "a", "x"), ("train", "a", "x"), ("train", "a", "y")]
    with pytest.raises(DataError, match="row 1 'a' labelled 'x', as train row 3 labelled 'y'"):
        validation.refuse(table(rows), validation.TWIN_RULES[1])


def test_control_characters_are_refused_where_nothing_removes_them() -> None:
    """Tabs and line ends are white space; a null has no characters."""
    rows: Rows = [("train", "a\tb\r\n", "x"), ("train", "a\x00", "x"), ("train", None, "x")]
    with pytest.raises(DataError, match=r"^1 row has control.*row 2 'a\\x00'.*preprocessing=true"):
        validation.refuse(table(rows), validation.PRINTABLE)


@pytest.mark.parametrize(("one", "other"), [("train", "test"), ("train", "val"), ("val", "test")])
def test_equal_splits_are_refused(one: str, other: str) -> None:
    """Order and repetition make no other set."""
    rows: Rows = [
        (one, "a", "x"),
        (one, "b", "x"),
        (other, "b", "x"),
        (other, "a", "x"),
        (one, "a", "x"),
    ]

    with pytest.raises(
        DataError, match=f"^{other} holds the same 2 texts as {one}.*data.{other}_path"
    ):
        validation.refuse_equal_splits(table(rows))


def test_splits_that_share_some_texts_are_not_equal() -> None:
    """They leak, which has its own rule."""
    rows: Rows = [("train", "a", "x"), ("train", "b", "x"), ("test", "b", "x")]

    validation.refuse_equal_splits(table(rows))


@pytest.mark.parametrize(
    ("text", "label"),
    [("", 0), ("x" * 11, 0), ("b", 2), ("b", -1), ("a", 0), (None, 0), ("b", None)],
)
def test_what_leaves_prepare_keeps_its_contract(text: str | None, label: int | None) -> None:
    """A text of 1 to max_chars characters that no other row has, and the number of a class."""
    rows = pl.DataFrame({"text": ["a", text], "label": [0, label]})

    with pytest.raises(pandera.errors.SchemaError):
        validation.check_prepared(rows, Contract(["a", "b"], 10))


@pytest.mark.parametrize("rule", validation.TWIN_RULES, ids=lambda rule: rule.name)
def test_how_many_rows_are_compared_at_once_makes_no_difference(
    monkeypatch: pytest.MonkeyPatch, rule: validation.Rule
) -> None:
    """Rows with the same text are in the same part, and the places come in order."""
    texts = [f"text {n % 7}" for n in range(60)] + [f"once {n}" for n in range(5)]
    table = pl.DataFrame(
        {
            "text": texts,
            "label": pl.Series([f"{n % 2}" for n in range(65)], dtype=pl.Enum(["0", "1"])),
            "split": pl.Series([SPLITS.categories[n % 3] for n in range(65)], dtype=SPLITS),
        }
    )
    whole = validation.failing(table, rule).to_list()
    monkeypatch.setattr(validation, "PART", 9)

    assert validation.failing(table, rule).to_list() == whole
    assert len(whole) > 10
