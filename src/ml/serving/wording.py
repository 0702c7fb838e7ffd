"""Normalise a text as `prepare` normalised the texts that the model learned from.

The same steps as ml.data.cleaning, for one text and without polars, which the Bento does not carry;
a test holds the two together.
"""

import re
import unicodedata

# White space as Unicode defines it; Python's `\s` also takes the separators U+001C to U+001F.
SPACE = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
CONTROL = re.compile(f"(?![{SPACE}])[\0-\x1f\x7f-\x9f\ufeff]")
SPACES = re.compile(f"[{SPACE}]{{2,}}|(?! )[{SPACE}]")
# One pass for the common case, in which there is nothing to do.
PLAIN = re.compile(r"[!-~]+(?: [!-~]+)*")


def normalise(text: str) -> str:
    """Remove control characters, collapse white space, compose Unicode."""
    if PLAIN.fullmatch(text):
        return text
    text = SPACES.sub(" ", CONTROL.sub("", text)).strip(" ")
    return unicodedata.normalize("NFC", text)
