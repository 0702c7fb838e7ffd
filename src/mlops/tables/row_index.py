"""Reduce each row to some 20 bytes, so that rules between all rows work on any amount of data."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mlops.config.schema import Prepare
from mlops.core import hashing
from mlops.tables import spelling
from mlops.tables.raw import Raw
from mlops.tables.validation import SPLITS, TEXT, Rule

log = logging.getLogger(__name__)

Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class RowIndex:
    """All rows without their texts: those have numbers, equal where the texts are."""

    table: pl.DataFrame  # split, row, text, label, words, chars, fault and, for a sample, place
    normalised: dict[str, dict[str, int]]  # texts changed, by split and step
    labels: dict[str, dict[str, int]]  # rows found, by split and label

    def flags(self, rules: Sequence[Rule]) -> list[Rule]:
        """Return the rules in the form in which the index has checked them."""
        good = pl.col("fault")
        return [replace(rule, good=good != number) for number, rule in enumerate(rules, start=1)]


def build(raw: Raw, rules: Sequence[Rule], sampled: bool) -> RowIndex:
    """Read all rows once; note for each the first of `rules` that it breaks."""
    parts, codes = [], dict[str, int]()
    normalised: dict[str, Counter[str]] = {split: Counter() for split in SPLITS.categories}
    labels: dict[str, Counter[str]] = {split: Counter() for split in SPLITS.categories}
    for split in SPLITS.categories:
        start = 1
        for piece in raw.pieces(split, ["text", "label"]):
            texts, changed = raw.clean(piece)
            normalised[split].update(changed)
            given = pl.Series("label", piece.column("label"), dtype=pl.String)
            labels[split].update({name or "": rows for name, rows in given.value_counts().rows()})
            found = spelling.stripped(given)
            normalised[split]["labels"] += int(found.ne_missing(given).sum())
            part = _part(texts, found, rules, sampled)
            parts.append(
                part.with_columns(
                    pl.lit(split, dtype=SPLITS).alias("split"),
                    pl.int_range(start, start + len(part), dtype=pl.UInt32).alias("row"),
                    _coded(found, codes),
                )
            )
            start += len(part)
    table = pl.concat(parts, rechunk=False)
    numbers = pl.Series("text", number(table["high"].to_numpy(), table["low"].to_numpy()))
    names = list(codes) or [""]
    table = table.drop("high", "low").with_columns(
        numbers,
        pl.col("label").replace_strict(range(len(names)), names, return_dtype=pl.Enum(names)),
    )
    return RowIndex(
        table,
        {split: dict(changed) for split, changed in normalised.items()},
        {split: dict(counts) for split, counts in labels.items()},
    )


def sample(table: pl.DataFrame, rules: Prepare) -> pl.DataFrame:
    """Keep a share of the rows, at most so many of each split, chosen by their texts alone.

    `place` is a hash of the text in [0, 1): a row of the sample stays in it when data grows, and a
    smaller share is part of a larger one. The share is as large as `min_sample` rows need.
    """
    share, rows = max(rules.sample, rules.min_sample / max(len(table), 1)), len(table)
    if share < 1:
        table = table.filter(pl.col("place") < share)
    if rules.max_rows is not None:
        table = table.filter(pl.col("place").rank("ordinal").over("split") <= rules.max_rows)
    if len(table) < rows:
        log.info("sampled %s of %s rows", f"{len(table):,}", f"{rows:,}")
    return table


def number(high: Keys, low: Keys) -> npt.NDArray[np.uint32]:
    """Return a number for each key of 128 bits, equal where the keys are."""
    order = np.lexsort((low, high))
    fresh = np.ones(len(order), dtype=bool)
    for step, key in enumerate((high, low)):
        ranked = key[order]
        unlike = ranked[1:] != ranked[:-1]
        fresh[1:] = fresh[1:] | unlike if step else unlike
    numbers = np.empty(len(order), dtype=np.uint32)
    numbers[order] = np.cumsum(fresh, dtype=np.uint32)
    return numbers


def _part(texts: pl.Series, labels: pl.Series, rules: Sequence[Rule], sampled: bool) -> Any:
    broken = [
        pl.when(~rule.good.fill_null(True)).then(pl.lit(place, pl.UInt8))
        for place, rule in enumerate(rules, start=1)
    ]
    part = pl.DataFrame([texts, labels]).select(
        pl.coalesce(*broken, pl.lit(0, pl.UInt8)).alias("fault"),
        TEXT.str.count_matches(r"\S+").alias("words"),
        TEXT.str.len_chars().alias("chars"),
        TEXT.hash(0).alias("high"),
        TEXT.hash(1).alias("low"),
    )
    if sampled:
        places = [hashing.unit(text or "", "sample") for text in texts]
        part = part.with_columns(place=pl.Series(places, dtype=pl.Float64))
    return part


def _coded(labels: pl.Series, codes: dict[str, int]) -> pl.Series:
    """Return the labels as numbers; `codes` learns the new ones."""
    for name in labels.drop_nulls().unique(maintain_order=True):
        codes.setdefault(name, len(codes))
    known = labels.drop_nulls().unique().to_list()
    return labels.replace_strict(
        known, [codes[name] for name in known], default=None, return_dtype=pl.UInt32
    )
