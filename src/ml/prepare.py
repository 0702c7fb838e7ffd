"""Turn raw rows into rows that may train and judge a model, and account for every one of them.

Reads: data/raw/{train,val,test}.parquet, data/raw/source.json
Writes: data/prepared/{train,val,test}.parquet, data/prepared/labels.json, reports/data.json
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from ml.data import labels
from mlops.config import schema
from mlops.config.schema import Data
from mlops.config.schema import Prepare as Rules
from mlops.core import files, outputs
from mlops.core.errors import DataError, run
from mlops.tables import changes, row_index, sizes, stats, validation
from mlops.tables.raw import Raw
from mlops.tables.validation import LABEL, SPLITS, rows_of

log = logging.getLogger(__name__)

RAW = Path("data/raw")
PREPARED = Path("data/prepared")
REPORT = Path("reports/data.json")

Report = dict[str, dict[str, Any]]


def prepare(raw: Raw, folder: Path, data: Data, rules: Rules) -> tuple[list[str], Report]:
    """Clean, judge and sample the rows of all splits together, and write those that are left.

    Returns the names of the classes, and what became of which rows. The rows are read twice, to
    judge and to write them; in between there are only their outlines.
    """
    row_rules = [validation.PRINTABLE, *validation.row_rules(rules.max_chars)]
    sampled = rules.sample < 1 or rules.max_rows is not None
    drawn = row_index.draw(raw, row_rules[raw.preprocessing :], sampled)
    flags = row_index.flags(row_rules[raw.preprocessing :])
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
    sizes.check(kept, names, rules)
    report = {
        split: {
            "found": found[split],
            "found_labels": seen[split],
            "normalised": normalised[split],
            "dropped": {reason: counts.get(split, 0) for reason, counts in (alone | twins).items()},
            "not_sampled": len(rows_of(table, split)) - len(rows_of(kept, split)),
            **stats.describe(kept, split, names),
        }
        for split in SPLITS.categories
    }
    if kept["text"].n_unique() < len(kept):
        raise RuntimeError("a text was kept twice, which the rules above should have seen")
    for split in SPLITS.categories:
        path = folder / f"{split}.parquet"
        write(raw, rows_of(kept, split), path, (names, rules.max_chars))
        check_rows(split, report[split], pq.read_metadata(path).num_rows)
    return names, report


def check_rows(split: str, counts: Mapping[str, Any], written: int) -> None:
    """Refuse a split whose rows are not all accounted for: those found are kept, or left out."""
    kept, dropped, left = counts["kept"], counts["dropped"], counts["not_sampled"]
    if written != kept or counts["found"] != kept + sum(dropped.values()) + left:
        raise DataError(
            f"{split}: of {counts['found']:,} rows {dropped} were dropped, {left:,} not sampled "
            f"and {kept:,} kept, but {written:,} written; this is a fault of ml.prepare: report it"
        )


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
    params = schema.load()
    REPORT.unlink(missing_ok=True)
    with outputs.folder(PREPARED) as folder:
        raw, source = Raw(RAW, params.data.preprocessing), read_source()
        names, report = prepare(raw, folder, params.data, params.prepare)
        check_source(source, report)
        found = {"labels": names, "synthetic": source["synthetic"]}
        outputs.write_json(folder / "labels.json", found)
    for split, counts in report.items():
        seen = counts.pop("found_labels")
        if told := (params.snapshot.changes or {}).get(split):  # type: ignore[call-overload]
            counts["change"] = changes.describe(seen, told)
    read = {
        role: {"files": len(files), "rows": sum(files.values())}
        for role, files in source.get("files", {}).items()
    }
    policy = params.prepare.model_dump(include={"sample", "max_rows"})
    told = {**found, **policy, "source": source["source"], "read": read, "splits": report}
    outputs.write_json(REPORT, told)
    for split, counts in report.items():
        dropped = {reason: number for reason, number in counts["dropped"].items() if number}
        log.info("prepared %s: %d rows kept, dropped %s", split, counts["kept"], dropped or "none")
        if stripped := counts["normalised"]["labels"]:
            log.info("prepared %s: %d labels had blanks around them", split, stripped)


def check_source(source: Mapping[str, Any], report: Report) -> None:
    """Refuse rows of data/raw that are not those that ingest wrote there."""
    found = {split: counts["found"] for split, counts in report.items()}
    if found != source["rows"]:
        raise DataError(
            f"{RAW} should have the rows that ingest wrote ({source['rows']}), but has {found}; "
            "make it again: dvc repro --force --single-item ingest"
        )


def read_source() -> dict[str, Any]:
    """Read what ingest tells of the rows that it has written."""
    if not RAW.exists():
        raise DataError(f"{RAW} does not exist; run the stage before: dvc repro ingest")
    return files.read_json(RAW / "source.json", "source", "synthetic")


if __name__ == "__main__":
    run(main)
