"""Find class names that differ only in how they are written: to a model each would be a class."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

import polars as pl

from mlops.core.errors import DataError
from mlops.tables.messages import short

# White space, control characters and what has no width.
BLANK = r"[\s\p{Cc}\x{FEFF}\x{200B}-\x{200F}\x{2060}]+"
TRUTH = {"true": "1", "false": "0"}
SELECTORS = range(0xFE00, 0xFE10)  # how the character before is drawn
APOSTROPHES = str.maketrans("\u2018\u2019\u02bc`\u00b4", "'''''")
# An i that has lost its dot, or got one twice, in a change of case that knew no Turkish.
TURKISH = {0x131: "i", 0x307: None}
MISSING = {"nan", "<na>", "nat", "#n/a"}  # what pandas and Excel write for no value
SHOWN = 5


def stripped(labels: pl.Series) -> pl.Series:
    """Return labels without blanks around them; nothing is no label."""
    bare = labels.str.replace_all(f"^{BLANK}|{BLANK}$", "")
    return bare.set(bare == "", None)


def key(name: str) -> str:
    """Return what is the same for all ways to write a name."""
    kept = (c for c in name if unicodedata.category(c) != "Cf" and ord(c) not in SELECTORS)
    folded = unicodedata.normalize("NFKC", "".join(kept)).casefold().translate(APOSTROPHES)
    folded = unicodedata.normalize("NFKC", folded).strip().translate(TURKISH)
    try:
        number = Decimal(TRUTH.get(folded, folded))
        if number.is_finite():
            return f"{number.normalize():f}"
    except InvalidOperation:
        pass
    # Not at the end: A- is another mark than A.
    return re.sub(r"(?<=\w)[\s_\u2010-\u2015-]+(?=\w)", " ", re.sub(r"\s+", " ", folded))


def refuse(counts: Mapping[str, int]) -> None:
    """Refuse names that differ only in their spelling, or are none; `counts` has their rows."""
    if missing := [name for name in counts if name.casefold() in MISSING]:
        raise DataError(
            f"the label {short(missing[0])} ({counts[missing[0]]:,} rows) looks like a missing "
            "value; remove these rows or label them, or, if it is a class, list all in data.labels"
        )
    groups: dict[str, list[str]] = defaultdict(list)
    for name in sorted(counts):
        groups[key(name)].append(name)
    alike = [names for names in groups.values() if len(names) > 1]
    if alike:
        shown = "; ".join(
            " and ".join(f"{short(name, 40)} ({counts[name]:,} rows)" for name in names[:SHOWN])
            for names in alike[:SHOWN]
        )
        more = "; …" if len(alike) > SHOWN else ""
        raise DataError(
            f"labels differ only in spelling: {shown}{more}; spell each class in one "
            "way, or, if they are different classes, list all classes in data.labels"
        )
