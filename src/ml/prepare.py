"""Turn raw rows into rows that may train and judge a model, and account for every one of them.

Reads: data/raw/{train,val,test}.parquet, data/raw/source.json
Writes: data/prepared/{train,val,test}.parquet, data/prepared/labels.json, reports/data.json
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from ml import config, hashing, outputs
from ml.config import Data
from ml.config import Prepare as Rules
from ml.data import census, cleaning, labels, validation
from ml.data.validation import LABEL, SPLITS, rows_of
from ml.data.wording import short
from ml.errors import DataError, run

log = logging.getLogger(__name__)

RAW = Path("data/raw")
PREPARED = Path("data/prepared")
REPORT = Path("reports/data.json")


@dataclass(frozen=True)
class Prepared:
    """The rows of each split, the names of the classes, and what became of which rows."""

    splits: dict[str, pa.Table]
    labels: list[str]
    report: dict[str, dict[str, Any]]


def prepare(raw: Mapping[str, pa.Table], data: Data, rules: Rules) -> Prepared:
    """Clean, judge and sample the rows of all splits together."""
    table, normalised = clean(stack(raw), data.preprocessing)
    table, alone = validation.screen(table, validation.row_rules(rules.max_chars), rules)
    table, names = labels.settle(table, data.labels)
    validation.refuse_equal_splits(table)
    table, twins = validation.screen(table, validation.TWIN_RULES, rules)
    kept = sample(table, rules.sample, rules.max_rows)
    check_sizes(kept, names, rules)
    report = {
        split: {
            "found": raw[split].num_rows,
            "normalised": normalised[split],
            "dropped": {reason: counts.get(split, 0) for reason, counts in (alone | twins).items()},
            "not_sampled": len(rows_of(table, split)) - len(rows_of(kept, split)),
            **census.describe(kept, split, names),
        }
        for split in raw
    }
    numbered = kept.with_columns(
        LABEL.replace_strict(names, range(len(names)), return_dtype=pl.Int64)
    )
    validation.check_prepared(numbered, len(names), rules.max_chars)
    return Prepared({split: finish(raw[split], numbered, split) for split in raw}, names, report)


def stack(raw: Mapping[str, pa.Table]) -> pl.DataFrame:
    """Return the texts and labels of all splits below each other, with their places."""
    return pl.concat(
        pl.DataFrame(pl.from_arrow(rows.select(["text", "label"])))
        .with_row_index("row", offset=1)
        .with_columns(pl.lit(split, dtype=SPLITS).alias("split"))
        for split, rows in raw.items()
    )


def clean(table: pl.DataFrame, preprocessing: bool) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Normalise the texts, or refuse what no tokenizer should see; count the changed per split."""
    if not preprocessing:
        validation.refuse(table, validation.PRINTABLE)
        return table, {split: {} for split in SPLITS.categories}
    changed, parts = {}, []
    for split in SPLITS.categories:
        part = rows_of(table, split)
        texts, changed[split] = cleaning.normalise(part["text"])
        parts.append(part.with_columns(texts.alias("text")))
    return pl.concat(parts), changed


def sample(table: pl.DataFrame, share: float, max_rows: int | None) -> pl.DataFrame:
    """Keep a share of the rows, at most so many of each split, chosen by their texts alone.

    A row of the sample stays in it when data grows, and a smaller share is part of a larger one.
    """
    if share == 1 and max_rows is None:
        return table
    places = [hashing.unit(text, "sample") for text in table["text"]]
    table = table.with_columns(place=pl.Series(places, dtype=pl.Float64))
    table = table.filter(pl.col("place") < share)
    if max_rows is not None:
        table = table.filter(pl.col("place").rank("ordinal").over("split") <= max_rows)
    return table.drop("place")


def check_sizes(table: pl.DataFrame, names: list[str], rules: Rules) -> None:
    """Refuse splits and classes that are too small to learn or to measure."""
    for split in SPLITS.categories:
        rows = rows_of(table, split)
        if len(rows) < rules.min_rows:
            raise DataError(
                f"{split} has {len(rows):,} rows left, prepare.min_rows asks for "
                f"{rules.min_rows:,}: give more data, raise prepare.sample ({rules.sample:g}) "
                "or lower prepare.min_rows"
            )
        for name, found in census.shares(rows, names).items():
            if found["share"] < rules.min_class_share:
                raise DataError(
                    f"{split} has {found['rows']:,} rows of class {short(name)}, "
                    f"{found['share']:.2%} of {len(rows):,}, prepare.min_class_share asks for "
                    f"{rules.min_class_share:.2%}: give more, merge classes or lower that share"
                )


def finish(raw: pa.Table, kept: pl.DataFrame, split: str) -> pa.Table:
    """Return the kept rows of a split with text, number of the class, and the other columns."""
    rows = rows_of(kept, split)
    mask = np.zeros(raw.num_rows, dtype=bool)
    mask[rows["row"].to_numpy() - 1] = True
    others = raw.drop_columns(["text", "label"]).filter(pa.array(mask))
    ours = rows.select("text", "label").to_arrow()
    return pa.table(
        [*ours.columns, *others.columns], names=[*ours.column_names, *others.column_names]
    )


def main() -> None:
    """Run the stage."""
    params = config.load()
    REPORT.unlink(missing_ok=True)
    with outputs.folder(PREPARED) as folder:
        raw, source = read_raw()
        done = prepare(raw, params.data, params.prepare)
        for split, rows in done.splits.items():
            outputs.write_table(folder / f"{split}.parquet", rows)
        found = {"labels": done.labels, "synthetic": source["synthetic"]}
        outputs.write_json(folder / "labels.json", found)
    policy = params.prepare.model_dump(include={"sample", "max_rows"})
    outputs.write_json(
        REPORT, {**found, **policy, "source": source["source"], "splits": done.report}
    )
    for split, counts in done.report.items():
        dropped = {reason: number for reason, number in counts["dropped"].items() if number}
        log.info("prepared %s: %d rows kept, dropped %s", split, counts["kept"], dropped or "none")


def read_raw() -> tuple[dict[str, pa.Table], dict[str, Any]]:
    """Read what ingest has written."""
    if not RAW.exists():
        raise DataError(f"{RAW} does not exist; run the stage before: dvc repro ingest")
    raw = {split: pq.read_table(RAW / f"{split}.parquet") for split in SPLITS.categories}
    return raw, json.loads((RAW / "source.json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    run(main)
