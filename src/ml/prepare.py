"""Turn raw rows into rows that may train and judge a model, and account for every one of them.

Reads: data/raw/{train,val,test}.parquet, data/raw/source.json
Writes: data/prepared/{train,val,test}.parquet, data/prepared/labels.json, reports/data.json
"""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from ml import config, outputs
from ml.config import Data
from ml.config import Prepare as Rules
from ml.data import census, change, labels, outline, validation
from ml.data.raw import Raw
from ml.data.validation import LABEL, SPLITS, rows_of
from ml.data.wording import short
from ml.errors import DataError, run

log = logging.getLogger(__name__)

RAW = Path("data/raw")
PREPARED = Path("data/prepared")
REPORT = Path("reports/data.json")
SHOWN = 10  # classes in an error

Report = dict[str, dict[str, Any]]


def prepare(raw: Raw, folder: Path, data: Data, rules: Rules) -> tuple[list[str], Report]:
    """Clean, judge and sample the rows of all splits together, and write those that are left.

    Returns the names of the classes, and what became of which rows. The rows are read twice, to
    judge and to write them; in between there are only their outlines.
    """
    row_rules = [validation.PRINTABLE, *validation.row_rules(rules.max_chars)]
    sampled = rules.sample < 1 or rules.max_rows is not None
    drawn = outline.draw(raw, row_rules[raw.preprocessing :], sampled)
    flags = outline.flags(row_rules[raw.preprocessing :])
    if not raw.preprocessing:
        validation.refuse(drawn.table, flags.pop(0), raw.text)
    table, alone = validation.screen(drawn.table, flags, rules, raw.text)
    found = {split: sum(counts.values()) for split, counts in drawn.labels.items()}
    normalised, seen = drawn.normalised, drawn.labels
    del drawn  # what is dropped below would else stay in memory
    table, names = labels.settle(table.drop("fault"), data.labels, raw.text)
    validation.refuse_equal_splits(table)
    table, twins = validation.screen(table, validation.TWIN_RULES, rules, raw.text)
    kept = sample(table, rules.sample, rules.max_rows)
    check_sizes(kept, names, rules)
    report = {
        split: {
            "found": found[split],
            "found_labels": seen[split],
            "normalised": normalised[split],
            "dropped": {reason: counts.get(split, 0) for reason, counts in (alone | twins).items()},
            "not_sampled": len(rows_of(table, split)) - len(rows_of(kept, split)),
            **census.describe(kept, split, names),
        }
        for split in SPLITS.categories
    }
    if kept["text"].n_unique() < len(kept):
        raise RuntimeError("a text was kept twice, which the rules above should have seen")
    for split in SPLITS.categories:
        write(raw, rows_of(kept, split), folder / f"{split}.parquet", (names, rules.max_chars))
    return names, report


def sample(table: pl.DataFrame, share: float, max_rows: int | None) -> pl.DataFrame:
    """Keep a share of the rows, at most so many of each split, chosen by their texts alone.

    `place` is a hash of the text in [0, 1): a row of the sample stays in it when data grows, and a
    smaller share is part of a larger one.
    """
    if share < 1:
        table = table.filter(pl.col("place") < share)
    if max_rows is not None:
        table = table.filter(pl.col("place").rank("ordinal").over("split") <= max_rows)
    return table


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
        _check_classes(split, rows, names, rules.min_class_share)


def _check_classes(split: str, rows: pl.DataFrame, names: list[str], least: float) -> None:
    """Refuse classes that are too rare, all in one sentence."""
    shares = census.shares(rows, names)
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


def write(raw: Raw, kept: pl.DataFrame, path: Path, contract: tuple[list[str], int]) -> None:
    """Write the kept rows of a split with text, number of the class, and the other columns."""
    names, max_chars = contract
    split = path.stem
    numbers = {name: place for place, name in enumerate(names)}
    labels = kept.select(LABEL.cast(pl.String).replace_strict(numbers, return_dtype=pl.Int64))
    rows, classes = kept["row"].to_numpy() - 1, labels["label"].to_numpy()
    schema = raw.schema(split)
    others = [name for name in schema.names if name not in ("text", "label")]
    columns = [("text", pa.string()), ("label", pa.int64())]
    start = done = 0
    with outputs.TableWriter(
        path, pa.schema([*columns, *((name, schema.field(name).type) for name in others)])
    ) as writer:
        for piece in raw.pieces(split):
            end = int(np.searchsorted(rows, start + piece.num_rows))
            chosen = piece.take(pa.array(rows[done:end] - start))
            ours = pl.DataFrame([raw.clean(chosen)[0], pl.Series("label", classes[done:end])])
            validation.check_prepared(ours, len(names), max_chars)
            arrays = [ours["text"].to_arrow(), ours["label"].to_arrow()]
            writer.write(
                [
                    pa.RecordBatch.from_arrays(
                        [arrays[0].cast(pa.string()), arrays[1], *map(chosen.column, others)],
                        schema=writer.schema,
                    )
                ]
            )
            start, done = start + piece.num_rows, end


def main() -> None:
    """Run the stage."""
    params = config.load()
    REPORT.unlink(missing_ok=True)
    with outputs.folder(PREPARED) as folder:
        raw, source = Raw(RAW, params.data.preprocessing), read_source()
        names, report = prepare(raw, folder, params.data, params.prepare)
        found = {"labels": names, "synthetic": source["synthetic"]}
        outputs.write_json(folder / "labels.json", found)
    for split, counts in report.items():
        seen = counts.pop("found_labels")
        if told := (params.snapshot.changes or {}).get(split):  # type: ignore[call-overload]
            counts["change"] = change.describe(seen, told)
    policy = params.prepare.model_dump(include={"sample", "max_rows"})
    outputs.write_json(REPORT, {**found, **policy, "source": source["source"], "splits": report})
    for split, counts in report.items():
        dropped = {reason: number for reason, number in counts["dropped"].items() if number}
        log.info("prepared %s: %d rows kept, dropped %s", split, counts["kept"], dropped or "none")
        if stripped := counts["normalised"]["labels"]:
            log.info("prepared %s: %d labels had blanks around them", split, stripped)


def read_source() -> dict[str, Any]:
    """Read what ingest tells of the rows that it has written."""
    if not RAW.exists():
        raise DataError(f"{RAW} does not exist; run the stage before: dvc repro ingest")
    told: dict[str, Any] = json.loads((RAW / "source.json").read_text(encoding="utf-8"))
    return told


if __name__ == "__main__":
    run(main)
