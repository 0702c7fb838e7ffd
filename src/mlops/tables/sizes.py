"""Refuse splits and classes that are too small to learn or to measure."""

import polars as pl

from mlops.config.schema import Prepare
from mlops.core.errors import DataError
from mlops.tables import stats
from mlops.tables.messages import short
from mlops.tables.validation import SPLITS, rows_of

SHOWN = 10  # classes in an error


def check(table: pl.DataFrame, names: list[str], rules: Prepare) -> None:
    """Refuse splits and classes that are too small to learn or to measure."""
    for split in SPLITS.categories:
        rows = rows_of(table, split)
        if len(rows) < rules.min_rows:
            sampled = rules.sample < 1 and len(table) >= rules.min_sample
            larger = f", raise prepare.sample ({rules.sample:g})" if sampled else ""
            raise DataError(
                f"{split} has {len(rows):,} rows left, prepare.min_rows requires "
                f"{rules.min_rows:,}: give more data{larger} or lower prepare.min_rows"
            )
        _check_classes(split, rows, names, rules.min_class_share)


def _check_classes(split: str, rows: pl.DataFrame, names: list[str], least: float) -> None:
    """Refuse classes that are too rare, all in one sentence."""
    shares = stats.shares(rows, names)
    rare = {name: found for name, found in shares.items() if found["share"] < least}
    if rare:
        shown = [f"{short(name)} {found['rows']:,}" for name, found in list(rare.items())[:SHOWN]]
        more = f" and {len(rare) - SHOWN:,} more" if len(rare) > SHOWN else ""
        has = "has" if len(rare) == 1 else "have"
        lowest = min(found["share"] for found in rare.values())
        raise DataError(
            f"{split} has {len(rows):,} rows, and {len(rare):,} of {len(names):,} classes {has} "
            f"less than prepare.min_class_share ({least:.2%}) of them: {', '.join(shown)}{more}; "
            f"give more, merge classes or lower that share ({lowest:g} lets all through)"
        )
