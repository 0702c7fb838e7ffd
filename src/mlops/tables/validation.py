"""Validate rows: what is wrong with which, and what the configuration says about it.

A table here has the columns split (an enumeration: train, val, test), row (in data/raw, from 1),
text and label. Instead of texts it may hold numbers that are equal where the texts are; a function
then finds the text of a row, for messages.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandera.polars as pa
import polars as pl

from mlops.config.schema import Prepare
from mlops.core.errors import DataError
from mlops.tables.messages import short
from mlops.tables.raw import CONTROL

TEXT, LABEL, SPLIT = pl.col("text"), pl.col("label"), pl.col("split").to_physical()
SPLITS = pl.Enum(["train", "val", "test"])
SHOWN = 5  # rows in an error
PART = 1_000_000  # rows compared at once: 10 million take 1.6 GB

Dropped = dict[str, dict[str, int]]
Row = Mapping[str, Any]
FindText = Callable[[Row], str | None]


def own_text(row: Row) -> str | None:
    """Return the text that the table itself holds."""
    text: str | None = row["text"]
    return text


@dataclass(frozen=True)
class Contract:
    """What a prepared row must be: one of these classes, with a text of at most so many chars."""

    labels: list[str]
    max_chars: int


@dataclass(frozen=True)
class Rule:
    """What a good row is, and how messages name the others."""

    name: str  # of its policy in `prepare`; without one, broken rows are refused
    good: pl.Expr
    fault: str
    fix: str = ""
    twin: bool = False  # the fault is between rows with the same text


PRINTABLE = Rule(
    "control",
    ~TEXT.str.contains(CONTROL).fill_null(False),
    "control characters in the text",
    fix="set data.preprocessing=true, which removes them",
)


def rows_of(table: pl.DataFrame, split: str) -> pl.DataFrame:
    """Return the rows of a split."""
    return table.filter(split=split)


def row_rules(max_chars: int, printable: bool = False) -> list[Rule]:
    """Return what each row must be by itself; `printable` where cleaning does not see to it."""
    long = f"a text longer than prepare.max_chars ({max_chars:,} characters)"
    return [
        *([PRINTABLE] if printable else []),
        Rule("nulls", TEXT.is_not_null() & LABEL.is_not_null(), "no text or no label"),
        Rule("empty", TEXT.str.strip_chars() != "", "an empty text"),
        Rule("too_long", TEXT.str.len_chars() <= max_chars, long),
    ]


# In this order: a duplicate is no conflict, and a conflict is worse than a leak.
TWIN_RULES = [
    Rule(
        "duplicates",
        pl.struct("split", "text", "label").is_first_distinct(),
        "the text and the label of an earlier row",
        twin=True,
    ),
    Rule(
        "conflicts",
        LABEL.to_physical().min().over("text") == LABEL.to_physical().max().over("text"),
        "a text that occurs with two labels",
        twin=True,
    ),
    Rule(
        "leakage",
        SPLIT.eq(SPLIT.max().over("text")),
        "a text that val or test has too",
        twin=True,
    ),
]


def screen(
    table: pl.DataFrame, rules: Iterable[Rule], policies: Prepare, text: FindText = own_text
) -> tuple[pl.DataFrame, Dropped]:
    """Drop or refuse, as the policies say, the rows that break a rule; count what was dropped."""
    dropped: Dropped = {}
    for rule in rules:
        bad, policy = failing(table, rule), getattr(policies, rule.name, None)
        if len(bad) and policy in (None, "refuse"):
            raise refusal(table, bad, rule, text)
        if policy is None:
            continue
        dropped[rule.name] = dict(table["split"][bad].value_counts().iter_rows())
        if len(bad):
            keep = np.ones(len(table), dtype=bool)
            keep[bad] = False
            table = table.filter(keep)
    return table, dropped


def refuse(table: pl.DataFrame, rule: Rule, text: FindText = own_text) -> None:
    """Refuse the rows that break a rule for which there is no policy."""
    if len(bad := failing(table, rule)):
        raise refusal(table, bad, rule, text)


def failing(table: pl.DataFrame, rule: Rule) -> pl.Series:
    """Return the positions of the rows that break a rule."""
    bad = ~rule.good.fill_null(True)
    if not rule.twin:
        return table.select(bad.arg_true()).to_series()
    # Among the texts that occur once no rule is broken, and without them comparing takes half the
    # memory. Those that repeat are compared a part at a time, equal ones in the same.
    places = table.select(TEXT.is_duplicated().arg_true()).to_series()
    parts = len(places) // PART + 1
    part = table["text"][places].hash() % parts
    found = [
        at.filter(table[at].select(bad.alias("bad"))["bad"])
        for number in range(parts)
        if len(at := places.filter(part == number))
    ]
    return pl.concat(found).sort() if found else places


def refusal(table: pl.DataFrame, bad: pl.Series, rule: Rule, text: FindText) -> DataError:
    """Return the error that counts the rows, shows the first and names the next step."""
    first = bad.head(SHOWN)
    rows = [_shown(row, text(row)) for row in table[first].iter_rows(named=True)]
    if rule.twin:
        twins = [_twin(table, position) for position in first]
        rows = [f"{row}, as {twin}" for row, twin in zip(rows, twins, strict=True)]
    has = "row has" if len(bad) == 1 else "rows have"
    fix = rule.fix or f"fix the source, or drop such rows with prepare.{rule.name}=drop"
    more = "; …" if len(bad) > SHOWN else ""
    return DataError(f"{len(bad):,} {has} {rule.fault}: {'; '.join(rows)}{more}: {fix}")


def refuse_equal_splits(table: pl.DataFrame) -> None:
    """Refuse two splits with the same texts."""
    texts = {split: rows_of(table, split).select("text").unique() for split in SPLITS.categories}
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        both = texts[one].join(texts[other], on="text", how="semi").height
        if both and both == texts[one].height == texts[other].height:
            raise DataError(
                f"{other} holds the same {both:,} texts as {one}, so it cannot evaluate a model: "
                f"give data.{other}_path texts of its own, or set it to null to split off some"
            )


def check_prepared(table: pl.DataFrame, contract: Contract) -> None:
    """Check rows that leave this stage against their contract; a breach is a bug here."""
    text = pa.Column(pl.String, pa.Check.str_length(1, contract.max_chars), unique=True)
    label = pa.Column(pl.Int64, pa.Check.in_range(0, len(contract.labels) - 1))
    pa.DataFrameSchema({"text": text, "label": label}).validate(table)


def _shown(row: Row, text: str | None) -> str:
    shown, label = (short(value) if value is not None else "null" for value in (text, row["label"]))
    return f"{row['split']} row {row['row']} {shown} labelled {label}"


def _twin(table: pl.DataFrame, position: int) -> str:
    row = table.row(position, named=True)
    others = table.with_row_index("at").filter(text=row["text"]).filter(pl.col("at") != position)
    # The one that makes the fault: of another split or label where there is one.
    unlike = pl.col("split").ne(row["split"]) | LABEL.ne(row["label"])
    twin = others.sort(unlike, descending=True, maintain_order=True).row(0, named=True)
    return f"{twin['split']} row {twin['row']} labelled {short(twin['label'])}"
