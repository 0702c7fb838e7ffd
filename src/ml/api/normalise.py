"""Normalise a text as `prepare` normalised the texts that the model learned from.

The same steps as ml.data.cleaning, for one text and without polars, which the Bento does not carry;
a test holds the two together. What a run of combining marks is stands here, for both.
"""

import re
import unicodedata

# White space as Unicode defines it; Python's `\s` also takes the separators U+001C to U+001F.
SPACE = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
CONTROL = re.compile(f"(?![{SPACE}])[\0-\x1f\x7f-\x9f\ufeff]")
SPACES = re.compile(f"[{SPACE}]{{2,}}|(?! )[{SPACE}]")
# One pass for the common case, in which there is nothing to do.
PLAIN = re.compile(r"[!-~]+(?: [!-~]+)*")
# Marks in a row that are kept. Sorting a run takes Python the square of its length, 2 s for 20,000;
# no language needs more than Unicode's stream-safe texts have (UAX #15, D3).
RUN = 30
COMBINING = range(0x300, 0x1F000)  # no character outside begins with a mark


def marks() -> list[tuple[int, int]]:
    """Return the ranges of characters that normalising sorts: those that begin with a mark."""
    found: list[tuple[int, int]] = []
    for code in COMBINING:
        if unicodedata.combining(unicodedata.normalize("NFD", chr(code))[0]):
            start = found.pop()[0] if found and found[-1][1] == code - 1 else code
            found.append((start, code))
    return found


MARKS = "".join(f"{chr(first)}-{chr(last)}" for first, last in marks())
LONG_RUN = re.compile(f"([{MARKS}]{{{RUN}}})[{MARKS}]+")


def normalise(text: str) -> str:
    """Remove control characters, collapse white space, compose Unicode."""
    if PLAIN.fullmatch(text):
        return text
    text = SPACES.sub(" ", CONTROL.sub("", text)).strip(" ")
    # Composing may take one character apart into several marks.
    return bounded(unicodedata.normalize("NFC", bounded(text)))


def bounded(text: str) -> str:
    """Cut each run of combining marks after the 30th, before anything sorts it."""
    return text if text.isascii() else LONG_RUN.sub(r"\1", text)
