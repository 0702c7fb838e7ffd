"""Normalise texts: one spelling for what reads the same."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import polars as pl

from ml.api.normalise import LONG_RUN
from mlops.tables.raw import CONTROL

Step = Callable[[pl.Series], pl.Series]


def bounded(texts: pl.Series) -> pl.Series:
    """Cut each run of combining marks after the 30th, before anything sorts it."""
    return texts.str.replace_all(LONG_RUN.pattern, "$1")


def beyond_ascii(step: Step) -> Step:
    """Leave out the texts in which there is nothing to do: most, in many languages."""

    def apply(texts: pl.Series) -> pl.Series:
        places = (texts.str.len_bytes() > texts.str.len_chars()).arg_true()
        return texts.clone().scatter(places, step(texts.gather(places))) if len(places) else texts

    return apply


# In this order a second pass changes nothing: removing a character may bring white space or
# combining characters together, composing them brings nothing new.
STEPS: Mapping[str, Step] = MappingProxyType(
    {
        "control": lambda texts: texts.str.replace_all(CONTROL, ""),
        "white_space": lambda texts: texts.str.replace_all(r"\s{2,}|[^\S ]", " ").str.strip_chars(),
        "marks": beyond_ascii(bounded),
        # Composing may take one character apart into several marks.
        "unicode": beyond_ascii(lambda texts: bounded(texts.str.normalize("NFC"))),
    }
)


def normalise(texts: pl.Series) -> tuple[pl.Series, dict[str, int]]:
    """Remove control characters, collapse white space, compose Unicode; count what each changed."""
    changed = {}
    for name, step in STEPS.items():
        after = step(texts)
        changed[name] = int(after.ne_missing(texts).sum())
        texts = after
    return texts, changed
