"""Rules of mlops.tracking.naming, judged by MLflow's own validators."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.utils.validation import _validate_metric, _validate_param, _validate_tag

from mlops.tracking import naming

HARD = ["//", "/", ".", "..", "a//b", "a__b", "a/../b", "/a", "a/", "😀", "😡", ">50", "<50", "",
        " ", "é", "e\u0301", "Pos", "pos", "a.b", "x" * 300, "x" * 300 + "y", "\n", "a\n", "\x00",
        "हिन्दी", "हीन्दी", "C++", "C--", "\ud800", "-", "_"]  # fmt: skip
LABELS = st.lists(
    st.one_of(st.sampled_from(HARD), st.text(max_size=12), st.text("/._-? a", max_size=8)),
    unique=True,
    max_size=12,
)


@given(LABELS)
def test_any_labels_give_valid_and_different_names(labels: list[str]) -> None:
    """A metric for each figure of each label, whatever the labels are."""
    figures: dict[str, Any] = {"per_class": {one: {"recall": 0.5, "f1": 0.4} for one in labels}}
    figures |= {"per_class.": 1.0, "slices": {f"source={one}": {"rows": 1} for one in labels}}

    names = naming.flatten(figures, "test")

    assert len({name.casefold() for name in names}) == len(names) == 3 * len(labels) + 1
    for name in names:
        _validate_metric(name, 0.5, 0, 0)


@given(LABELS)
def test_any_keys_give_valid_parameters_and_tags(keys: list[str]) -> None:
    """Also on the first level, where no section stands before them."""
    for name in naming.flatten(dict.fromkeys(keys, 1)):
        _validate_param(name, "1")
        _validate_tag(name, "1")


@given(LABELS)
def test_a_name_does_not_depend_on_the_order(labels: list[str]) -> None:
    """The same label has the same metric in each run with these labels."""
    there = naming.name_leaves({one: {"f1": one} for one in labels}, "test")
    back = naming.name_leaves({one: {"f1": one} for one in reversed(labels)}, "test")

    assert there == back


@given(st.text(max_size=300))
def test_a_valid_name_stays_as_it_is(name: str) -> None:
    """So that cleaning what an earlier release has recorded changes nothing that MLflow took."""
    once = naming.clean_name(name)

    assert naming.clean_name(once) == once
    try:
        _validate_metric(name, 0.5, 0, 0)
    except Exception:
        return
    assert once == name


@pytest.mark.parametrize("label", ["neg", "Sci/Tech", "a b", "日本語", "a:b", "שלום"])
def test_plain_labels_keep_the_names_that_they_had(label: str) -> None:
    """Runs of earlier releases are compared with new ones."""
    names = naming.flatten({"per_class": {label: {"f1": 1.0}, "other": {"f1": 1.0}}}, "test")

    assert list(names) == [f"test.per_class.{label}.f1", "test.per_class.other.f1"]


def test_what_got_another_name_is_known() -> None:
    """By its new name, as far as there is one."""
    figures = {"per_class": {"😀": {"f1": 1.0}, "plain": {"f1": 1.0}}, "accuracy": 0.5}

    assert naming.find_renamed(figures, "test") == {"test.per_class._.f1": "test.per_class.😀.f1"}


def test_a_value_that_is_cut_says_so() -> None:
    """Within the length that MLflow takes."""
    assert naming.cut("short", 10) == "short"
    assert len(naming.cut("x" * 9000, 6000)) == 6000
    assert naming.cut("x" * 9000, 6000).endswith("... (9000 characters, cut)")
