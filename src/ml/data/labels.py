"""Settle the classes: their names, their order, and what belongs to none of them."""

import re

import polars as pl

from mlops.core.errors import DataError
from mlops.tables import spelling, validation
from mlops.tables.messages import listed, meant
from mlops.tables.validation import LABEL, FindText, Rule, own_text, rows_of


def settle(
    table: pl.DataFrame, configured: list[str | int] | None, text: FindText = own_text
) -> tuple[pl.DataFrame, list[str]]:
    """Return the table with labels that are class names, and these names in their order."""
    if configured:
        names = [str(name) for name in configured]
        table = _by_index(table, names)
        origin, fix = "data.labels", "fix the label, or add it to data.labels"
    else:
        spelling.refuse(dict(table["label"].value_counts().iter_rows()))
        names = ordered(rows_of(table, "train")["label"].unique().to_list())
        origin, fix = "train", "fix the label, or give train rows that have it"
    _refuse_unknown(table, names, origin, fix, text)
    _refuse_one_class(table)
    return table, names


def ordered(names: list[str]) -> list[str]:
    """Sort whole numbers by value, all else by the alphabet."""
    numeric = all(re.fullmatch(r"-?[0-9]{1,18}", name) for name in names)
    return sorted(names, key=(lambda name: (int(name), name)) if numeric else None)


def _by_index(table: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """Take 0, 1, … as places in the list of names, if no label is a name."""
    places = {str(place): name for place, name in enumerate(names)}
    found = set(table["label"].unique())
    if found <= places.keys() and not found & set(names) and "0" in found:
        named = {label: places[label] for label in found}
        return table.with_columns(LABEL.replace_strict(named, return_dtype=pl.Enum(names)))
    from_one = {str(place) for place in range(1, len(names) + 1)}
    if found and found <= from_one and not found & set(names):
        numbers = ordered(list(found))
        raise DataError(
            f"labels are whole numbers from {numbers[0]} to {numbers[-1]}, and data.labels counts "
            f"its {len(names)} names from 0: subtract 1 from the labels, or write names in their "
            "place"
        )
    return table


def _refuse_unknown(
    table: pl.DataFrame, names: list[str], origin: str, fix: str, text: FindText
) -> None:
    found = table["label"].unique(maintain_order=True).to_list()
    if unknown := [name for name in found if name not in names]:
        near = meant(unknown[0], names)
        fault = f"a label that {origin} does not have{near}; it has {listed(names)}"
        validation.refuse(table, Rule("labels", ~LABEL.is_in(unknown), fault, fix), text)


def _refuse_one_class(table: pl.DataFrame) -> None:
    train = rows_of(table, "train")["label"]
    if train.n_unique() < 2:
        found = f"all {len(train):,} are {train[0]!r}" if len(train) else "it has no rows"
        raise DataError(
            f"train must have rows of at least two classes, but {found}; "
            "check data.label_column and the source"
        )
