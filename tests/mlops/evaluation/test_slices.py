"""Rules of mlops.evaluation.slices."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from ml.config import Params
from mlops.config.schema import Evaluate
from mlops.core.errors import ConfigError
from mlops.evaluation import slices

MakeParams = Callable[..., Params]


def config(make_params: MakeParams, columns: list[str], lengths: list[int]) -> Evaluate:
    """Return settings with slices of at least 2 rows."""
    return make_params(
        evaluate={"slice_columns": columns, "length_slices": lengths, "min_slice_rows": 2}
    ).evaluate


def test_texts_fall_into_slices_by_their_words(make_params: MakeParams) -> None:
    """Bounds belong to the slice below them; slices stand in the order of length."""
    texts = [" ".join(["w"] * count) for count in (1, 2, 3, 4, 9, 10, 11, 30)]
    right = np.array([1, 1, 0, 1, 0, 0, 1, 1], dtype=bool)

    found, _ = slices.measure(
        pl.DataFrame({"text": texts}), right, config(make_params, [], [10, 2])
    )

    assert {name: (part["rows"], part["accuracy"]) for name, part in found.items()} == {
        "words=1-2": (2, 1.0),
        "words=3-10": (4, 0.25),
        "words=11+": (2, 1.0),
    }
    assert list(found) == ["words=1-2", "words=3-10", "words=11+"]


def test_values_of_any_type_become_slices(make_params: MakeParams) -> None:
    """Numbers, truth values and missing values are slices like names."""
    test = pl.DataFrame({"text": ["t"] * 6, "year": [9, 10, 9, 10, None, None], "ok": [True] * 6})

    found, _ = slices.measure(test, np.ones(6, dtype=bool), config(make_params, ["year", "ok"], []))

    assert list(found) == ["year=9", "year=10", "year=(none)", "ok=True"]


def test_small_slices_are_left_out_and_counted(make_params: MakeParams) -> None:
    """A slice below min_slice_rows is noise."""
    test = pl.DataFrame({"text": ["t"] * 5, "kind": ["a", "a", "b", "c", "a"]})

    found, left_out = slices.measure(
        test, np.ones(5, dtype=bool), config(make_params, ["kind"], [])
    )

    assert list(found) == ["kind=a"]
    assert left_out == {"kind": 2}


def test_an_identifier_as_column_is_cut_to_its_largest_values(make_params: MakeParams) -> None:
    """At most 100 slices of a column are told."""
    test = pl.DataFrame({"text": ["t"] * 600, "id": [n // 2 for n in range(600)]})

    found, left_out = slices.measure(
        test, np.ones(600, dtype=bool), config(make_params, ["id"], [])
    )

    assert (len(found), left_out) == (100, {"id": 200})


def test_a_missing_column_is_told_with_the_nearest_name(make_params: MakeParams) -> None:
    """The user sees what was expected, what there is, and what was probably meant."""
    test = pl.DataFrame({"text": ["t"], "negated": ["yes"]})

    with pytest.raises(ConfigError, match=r"'negatd' is not a column.*did you mean 'negated'"):
        slices.measure(test, np.ones(1, dtype=bool), config(make_params, ["negatd"], []))


def test_the_worst_slice_has_the_lowest_accuracy() -> None:
    """Of equals the first by name; of none, none."""
    parts = {"b": {"accuracy": 0.5}, "a": {"accuracy": 0.5}, "c": {"accuracy": 0.9}}

    assert slices.worst(parts) == "a"
    assert slices.worst({}) is None
