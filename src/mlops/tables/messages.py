"""Parts of messages about data: values cut to size, lists, the name that was probably meant."""

from collections.abc import Iterable

from mlops.core import names

LONG = 200  # characters: nobody mistypes a name of this length, and comparing takes for ever


def short(value: str, most: int = 80) -> str:
    """Return a text as Python would write it, cut where it gets long."""
    return repr(value) if len(value) <= most else f"{value[:most]!r}…"


def listed(values: Iterable[str], most: int = 10) -> str:
    """Return the first of many values as a list."""
    cut = [short(value, 40) for value in values]
    rest = f" and {len(cut) - most:,} more" if len(cut) > most else ""
    return (", ".join(cut[:most]) or "none") + rest


def meant(value: str, known: Iterable[str]) -> str:
    """Return the question whether the most similar value was meant, or nothing."""
    near = names.nearest(value[:LONG], [name for name in known if 0 < len(name) <= LONG])
    return f" (did you mean {near!r}?)" if near else ""
