"""Rules of ml.data.cleaning."""

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from ml.data import cleaning


def clean(text: str) -> str:
    """Normalise one text."""
    cleaned: str = cleaning.normalise(pl.Series([text]))[0][0]
    return cleaned


def test_what_reads_the_same_becomes_the_same() -> None:
    """Composed letters, single spaces, nothing invisible around or between."""
    assert clean(" \ufeffcafe\u0301\tis\r\n\x00 \x07 fine\u00a0") == "café is fine"


def test_scripts_that_need_joiners_keep_them() -> None:
    """Zero-width joiners make letters and emoji; they are no control characters."""
    for text in ("می\u200cخواهم", "क्\u200dष", "👩\u200d💻"):  # noqa: RUF001
        assert clean(text) == text


@given(
    st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("\u0344\u0958\u0301\u0316")))
)
@example("\u0958" + "\u0344" * 31)
@example("a" + "\u0301\u0316" * 40)
def test_a_second_pass_changes_nothing(text: str) -> None:
    """A text that is normal stays as it is."""
    assert clean(clean(text)) == clean(text)


def test_each_step_counts_the_texts_that_it_changed() -> None:
    """The report can say what normalising has done; a null is not changed."""
    _, changed = cleaning.normalise(
        pl.Series(["a\x00b", "a  b", " a", "e\u0301", "a" + "\u0316" * 31, "a", None])
    )

    assert changed == {"control": 1, "white_space": 2, "marks": 1, "unicode": 1}
