"""Rules of ml.data.labels."""

import polars as pl
import pytest

from ml.data import labels
from mlops.core.errors import DataError
from mlops.tables import spelling
from mlops.tables.validation import SPLITS


def table(train: list[str], val: list[str] | None = None) -> pl.DataFrame:
    """Return a table with these labels."""
    found = [*train, *(val or [])]
    return pl.DataFrame(
        {
            "split": ["train"] * len(train) + ["val"] * len(val or []),
            "row": range(1, len(found) + 1),
            "text": [f"text {n}" for n in range(len(found))],
            "label": found,
        },
        schema_overrides={"split": SPLITS, "label": pl.String},
    )


@pytest.mark.parametrize(
    ("found", "names"),
    [
        (["10", "9", "-1"], ["-1", "9", "10"]),
        (["b", "a", "10", "9"], ["10", "9", "a", "b"]),
        (["плохо", "отлично", "так себе"], ["отлично", "плохо", "так себе"]),  # noqa: RUF001
    ],
)
def test_classes_of_train_are_sorted(found: list[str], names: list[str]) -> None:
    """Whole numbers by value, names by the alphabet; the order of rows does not matter."""
    assert labels.settle(table(found), None)[1] == names


def test_configured_names_keep_their_order() -> None:
    """The first name is class 0."""
    rows, names = labels.settle(table(["neg", "pos"]), ["pos", "neg"])

    assert names == ["pos", "neg"]
    assert rows["label"].to_list() == ["neg", "pos"]


def test_numbers_are_places_in_the_configured_names() -> None:
    """Data sets often hold 0 and 1, and their paper the names."""
    rows, _ = labels.settle(table(["0", "1", "0"], ["1"]), ["neg", "pos"])

    assert rows["label"].to_list() == ["neg", "pos", "neg", "pos"]


def test_numbers_that_are_names_are_no_places() -> None:
    """Where 1 is the first class and 0 the second, 0 stays 0."""
    rows, names = labels.settle(table(["0", "1"]), [1, 0])

    assert names == ["1", "0"]
    assert rows["label"].to_list() == ["0", "1"]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (["neg", "posive"], r"1 row has .*'posive'|did you mean 'positive'"),
        (["0", "2"], "data.labels does not have"),
        (["0", "neg"], "data.labels does not have"),
    ],
)
def test_a_label_that_is_not_configured_is_refused(found: list[str], message: str) -> None:
    """The nearest name is proposed; numbers and names are not mixed."""
    with pytest.raises(DataError, match=message):
        labels.settle(table(found), ["neg", "positive"])


def test_a_label_that_train_does_not_have_is_refused() -> None:
    """No model can learn it; the row is shown."""
    with pytest.raises(
        DataError, match=r"^1 row has a label that train does not .*val row 3 .*'c'"
    ):
        labels.settle(table(["a", "b"], ["c"]), None)


@pytest.mark.parametrize(
    ("found", "message"), [(["a", "a"], "all 2 are 'a'"), ([], "it has no rows")]
)
def test_one_class_is_refused(found: list[str], message: str) -> None:
    """There is nothing to tell apart."""
    with pytest.raises(DataError, match=f"at least two classes, but {message}"):
        labels.settle(table(found), ["a", "b"])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("pos", "POS"), ("true", "1"), ("False", "0"), ("1", "01"), ("1", "1.00"), ("1", "+1"),
        ("Straße", "STRASSE"), ("caf\u00e9", "cafe\u0301"), ("very good", "very  good"),
        ("very good", "very\u00a0good"), ("sci-fi", "sci_fi"), ("don't", "don\u2019t"),
        ("pos", "p\u200bos"), ("fine", "\ufb01ne"), ("\u2764", "\u2764\ufe0f"), ("A", "\uff21"),
    ],
)  # fmt: skip
def test_names_that_differ_only_in_writing_are_refused(one: str, other: str) -> None:
    """A model would learn each as a class; the rows of both are counted."""
    rows = table([one, other, "neither", other])
    with pytest.raises(DataError, match=r"only in spelling: .*\((1|2) rows\) and "):
        labels.settle(rows, None)

    assert labels.settle(rows, [one, other, "neither"])[1] == [one, other, "neither"]


@pytest.mark.parametrize(
    "names", [["A", "A-", "A+"], ["-1", "1"], ["C", "C#", "C++"], ["1.1", "1.01"], ["a", "á"]]
)
def test_names_that_mean_something_else_are_classes(names: list[str]) -> None:
    """Marks, signs and accents are part of a name."""
    assert sorted(labels.settle(table(names), None)[1]) == sorted(names)


@pytest.mark.parametrize("name", ["nan", "NaN", "<NA>", "#N/A"])
def test_what_stands_for_no_value_is_no_class(name: str) -> None:
    """Unless it is listed as one."""
    rows = table(["pos", "neg", name])
    with pytest.raises(DataError, match=f"the label '{name}' .1 rows. looks like a missing"):
        labels.settle(rows, None)

    assert labels.settle(rows, ["pos", "neg", name])[1] == ["pos", "neg", name]


@pytest.mark.parametrize("found", [["1", "2"], ["1", "2", "3"], ["2", "3"]])
def test_numbers_that_begin_with_1_are_no_places(found: list[str]) -> None:
    """Each row would get the name of the next class."""
    with pytest.raises(DataError, match=r"whole numbers from \d to \d, and data\.labels counts"):
        labels.settle(table(found), ["bad", "fair", "good"])


def test_blanks_around_a_label_are_removed() -> None:
    """Also those that have no width; what is left without a character is no label."""
    given = pl.Series(["pos", " pos\t", "\u00a0pos", "pos\u200b", "\ufeffpos\r", " ", "", None])

    assert spelling.stripped(given).to_list() == ["pos"] * 5 + [None] * 3
