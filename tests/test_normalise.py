"""Serving normalises a text as `prepare` normalised those that the model learned from."""

import unicodedata

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ml.api.normalise import RUN, normalise
from ml.data import cleaning

SPECIAL = st.sampled_from(
    "\u0316\u0344\u0958\u0f73\u0f81"
    "\0\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x7f\x85\xa0\u2028\u3000\ufeff\u200b\u0301e"
)


@given(st.text(st.one_of(SPECIAL, st.characters(codec="utf-8"))))
@example("\x1c \x1c")
@example(" a\x00 \ufeff b ")
@example("e\u0301")
@example("a\nb")
@example("e" + "\u0301\u0316" * 40)
@example("\u0958" + "\u0344" * 31)
@example("a" + "\u0f73\u0f81" * 31 + "b")
def test_training_and_serving_see_the_same_text(text: str) -> None:
    """Both normalisations agree on every text."""
    expected = cleaning.normalise(pl.Series([text]))[0][0]

    assert normalise(text) == expected


def test_a_plain_text_is_left_alone() -> None:
    """Nothing is done where nothing is to do."""
    text = "A plain, short text."

    assert normalise(text) is text


@pytest.mark.parametrize("pair", ["\u0301\u0316", "\u0344\u0323", "\u0f73\u0f81", "\u0f71\u0f72"])
def test_a_run_of_marks_is_bounded(pair: str) -> None:
    """Sorting a run takes the square of its length; what no language needs is cut."""
    text = normalise("a" + pair * 9999 + " b")

    assert len(text) <= RUN + 3
    assert text.endswith(" b")


def test_what_languages_need_is_kept() -> None:
    """Hebrew with vowels and accents, Vietnamese, Thai and Devanagari have runs of a few marks."""
    for text in ("בְּרֵאשִׁ֖ית", "phở rất ngon", "ที่นี่", "क्षि"):
        assert normalise(text) == unicodedata.normalize("NFC", text)
