"""Which columns of a table are the text and the label: named, evident, or asked for."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import polars as pl
import pyarrow as pa

from mlops.config.schema import Data
from mlops.core.errors import ConfigError
from mlops.tables.messages import listed, meant, short
from mlops.tables.readers import dialect, formats, shards
from mlops.tables.readers.delimited import Delimited, named

TEXTS = (
    "text", "texts", "message", "body", "review", "comment", "content", "sentence", "description",
    "question", "tweet", "document", "utterance", "ticket",
)  # fmt: skip
LABELS = (
    "label", "labels", "class", "category", "target", "team", "sentiment", "intent", "topic",
    "rating", "stars", "tag", "y",
)  # fmt: skip
MOST = 200  # classes


@dataclass(frozen=True)
class Column:
    """A column by what tells a text from a label."""

    name: str
    distinct: int
    share: float  # of the rows that have a value of their own
    chars: float  # of a value, on average
    words: float

    @property
    def prose(self) -> bool:
        """Tell whether it may hold texts."""
        return self.share > 0.3 and self.chars >= 8 and (self.words >= 1.5 or self.chars >= 40)

    def classes(self, rows: int) -> bool:
        """Tell whether it may hold labels."""
        return 2 <= self.distinct <= min(MOST, max(2, rows // 4)) and self.chars < 60


@dataclass(frozen=True)
class Choice:
    """A column and why it was taken."""

    name: str
    reason: str


def header(path: str, data: Data) -> tuple[list[str], str]:
    """Return the columns of a source, and the delimiter where it has one."""
    found = shards.find(path, ())
    reader = formats.reader(found, data.quoting)
    if not isinstance(reader, Delimited):
        return reader.schema(found[0]).names, ""
    declared, names = dialect.find(found[0], reader.dialect)
    best = declared.delimiter
    for mark in dialect.OTHERS if not declared.above else "":
        other = replace(declared, delimiter=mark).tried(found[0])
        if len(other) > len(names):
            best, names = mark, other
    return named(names), best


def described(table: pa.Table) -> list[Column]:
    """Measure the columns of some rows."""
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return [_column(frame[name].drop_nulls()) for name in frame.columns]


def _column(values: pl.Series) -> Column:
    if values.dtype.is_nested():
        return Column(values.name, 0, 0.0, 0.0, 0.0)
    texts = values.cast(pl.String)
    texts = texts.filter(texts.str.strip_chars() != "")
    words = texts.str.count_matches(r"[\p{L}\p{M}]{2,}")
    distinct, rows = texts.n_unique(), max(len(texts), 1)
    chars, mean = (float(one.mean() or 0) for one in (texts.str.len_chars(), words))  # type: ignore[arg-type]
    return Column(values.name, distinct, distinct / rows, chars, mean)


def choose(columns: list[Column], rows: int) -> tuple[Choice, Choice]:
    """Return the columns of text and label."""
    names = [one.name for one in columns]
    label = os.environ.get("LABEL_COLUMN")
    prose = [one for one in columns if one.prose and one.name != label]
    text = _chosen("TEXT_COLUMN", names, prose, _only_text, TEXTS)
    classes = [one for one in columns if one.classes(rows) and one.name != text.name]
    return text, _chosen("LABEL_COLUMN", names, classes, _only_label, LABELS)


def _only_text(column: Column) -> str:
    return f"the only column of running text ({column.words:.0f} words on average)"


def _only_label(column: Column) -> str:
    return f"the only column with few different values ({column.distinct})"


def _chosen(
    key: str,
    names: list[str],
    fit: list[Column],
    only: Callable[[Column], str],
    usual: tuple[str, ...],
) -> Choice:
    if given := os.environ.get(key):
        if given not in names:
            raise ConfigError(
                f"{key}: there is no column {given!r}{meant(given, names)}; found {listed(names)}"
            )
        return Choice(given, f"as {key} says")
    if len(fit) == 1:
        return Choice(fit[0].name, only(fit[0]))
    called = [one for one in fit if one.name.strip().casefold() in usual]
    if len(called) == 1:
        return Choice(called[0].name, f"by its name, of {listed(one.name for one in fit)}")
    return Choice(_asked(key, [one.name for one in fit] or names), "as you chose")


def _asked(key: str, names: list[str]) -> str:
    """Ask on a terminal; elsewhere refuse, with what to type."""
    what = key.partition("_")[0].lower()
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigError(
            f"which column is the {what}? It may be {listed(names)}; "
            f"add {key}={short(names[0]) if ' ' in names[0] else names[0]} or another of these"
        )
    import click  # noqa: PLC0415  of need only here

    return str(click.prompt(f"Which column is the {what}?", type=click.Choice(names)))
