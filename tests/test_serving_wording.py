"""Serving normalises a text as `prepare` normalised those that the model learned from."""

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from ml.data import cleaning
from ml.serving.wording import normalise

SPECIAL = st.sampled_from(
    "\0\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x7f\x85\xa0\u2028\u3000\ufeff\u200b\u0301e"
)


@given(st.text(st.one_of(SPECIAL, st.characters(codec="utf-8"))))
@example("\x1c \x1c")
@example(" a\x00 \ufeff b ")
@example("e\u0301")
@example("a\nb")
def test_training_and_serving_see_the_same_text(text: str) -> None:
    """Both normalisations agree on every text."""
    expected = cleaning.normalise(pl.Series([text]))[0][0]

    assert normalise(text) == expected


def test_a_plain_text_is_left_alone() -> None:
    """Nothing is done where nothing is to do."""
    text = "A plain, short text."

    assert normalise(text) is text
