"""Turn raw rows into rows to train and evaluate on, and account for every one of them.

Reads: data/raw/{train,val,test}.parquet, data/raw/source.json
Writes: data/prepared/{train,val,test}.parquet, data/prepared/labels.json, reports/data.json
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml.data import labels
from mlops.config import schema
from mlops.config.schema import Data, Params
from mlops.config.schema import Prepare as Rules
from mlops.core import files, outputs
from mlops.core.errors import DataError, run
from mlops.tables import changes, prepared, row_index, sizes, stats, validation
from mlops.tables.raw import Raw
from mlops.tables.validation import SPLITS, Contract, rows_of

log = logging.getLogger(__name__)

RAW = Path("data/raw")
PREPARED = Path("data/prepared")
REPORT = Path("reports/data.json")

Report = dict[str, dict[str, Any]]


def main() -> None:
    """Read what ingest has written, write the rows that are kept, report on the others."""
    params = schema.load()
    REPORT.unlink(missing_ok=True)
    with outputs.folder(PREPARED) as folder:
        raw, source = Raw(RAW, params.data.preprocessing), read_source()
        names, splits = prepare(raw, folder, params.data, params.prepare)
        check_source(source, splits)
        known = {"labels": names, "synthetic": source["synthetic"]}
        outputs.write_json(folder / "labels.json", known)
    outputs.write_json(REPORT, known | report(params, source, splits))
    for split, counts in splits.items():
        dropped = ", ".join(f"{n} {reason}" for reason, n in counts["dropped"].items() if n)
        log.info("prepared %s: %d rows kept, %s dropped", split, counts["kept"], dropped or "none")
        if stripped := counts["normalised"]["labels"]:
            log.info("prepared %s: %d labels had blanks around them", split, stripped)


def prepare(raw: Raw, folder: Path, data: Data, rules: Rules) -> tuple[list[str], Report]:
    """Clean, validate and sample the rows of all splits together, and write those that are kept.

    Returns the names of the classes, and what became of which rows. The rows are read twice, to
    validate and to write them; in between there is only an index of them.
    """
    row_rules = validation.row_rules(rules.max_chars, printable=not raw.preprocessing)
    sampled = rules.sample < 1 or rules.max_rows is not None
    index = row_index.build(raw, row_rules, sampled)
    normalised, found = index.normalised, index.labels

    table, alone = validation.screen(index.table, index.flags(row_rules), rules, raw.text)
    del index  # what is dropped below would else stay in memory
    table, names = labels.settle(table.drop("fault"), data.labels, raw.text)
    validation.refuse_equal_splits(table)
    table, twins = validation.screen(table, validation.TWIN_RULES, rules, raw.text)

    kept = row_index.sample(table, rules)
    sizes.check(kept, names, rules)
    counts = {
        split: {
            "found": sum(found[split].values()),
            "found_labels": found[split],
            "normalised": normalised[split],
            "dropped": {reason: rows.get(split, 0) for reason, rows in (alone | twins).items()},
            "not_sampled": len(rows_of(table, split)) - len(rows_of(kept, split)),
            **stats.describe(kept, split, names),
        }
        for split in SPLITS.categories
    }
    if kept["text"].n_unique() < len(kept):
        raise RuntimeError("a text was kept twice, which the rules above should have seen")
    contract = Contract(names, rules.max_chars)
    for split in SPLITS.categories:
        rows = prepared.write(raw, rows_of(kept, split), folder / f"{split}.parquet", contract)
        prepared.check_rows(split, counts[split], rows)
    return names, counts


def report(params: Params, source: Mapping[str, Any], splits: Report) -> dict[str, Any]:
    """Return what was read, what a refresh has changed, and what became of the rows."""
    for split, counts in splits.items():
        labels_found = counts.pop("found_labels")
        if change := (params.snapshot.changes or {}).get(split):  # type: ignore[call-overload]
            counts["change"] = changes.describe(labels_found, change)
    read = {
        role: {"files": len(files), "rows": sum(files.values())}
        for role, files in source.get("files", {}).items()
    }
    policy = params.prepare.model_dump(include={"sample", "max_rows"})
    return {**policy, "source": source["source"], "read": read, "splits": splits}


def check_source(source: Mapping[str, Any], splits: Report) -> None:
    """Refuse rows of data/raw that are not those that ingest wrote there."""
    found = {split: counts["found"] for split, counts in splits.items()}
    if found != source["rows"]:
        raise DataError(
            f"{RAW} has {found} rows, expected those that ingest wrote ({source['rows']}); "
            "make it again: dvc repro --force --single-item ingest"
        )


def read_source() -> dict[str, Any]:
    """Read what ingest recorded about the rows that it has written."""
    if not RAW.exists():
        raise DataError(f"{RAW} does not exist; run the stage before: dvc repro ingest")
    return files.read_json(RAW / "source.json", "source", "synthetic")


if __name__ == "__main__":
    run(main)
