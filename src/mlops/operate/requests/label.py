"""Write logged requests for people to label: the least certain, and the least familiar.

Reads: ENV, SET, N, conf/, the store of the requests, data/raw (what the model knows already)
Writes: reports/to_label.csv
"""

import csv
import os
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq

from mlops.config.schema import Params
from mlops.core.errors import ConfigError, OperateError, run
from mlops.operate.requests import labelled
from mlops.operate.requests.choose import Chosen, choose
from mlops.operate.requests.reader import read
from mlops.pipeline.compose import asked
from mlops.tables.splits import RAW

TABLE = Path("reports/to_label.csv")
DAYS = 30  # of requests that are looked at
MOST = 200


def main() -> None:
    """Choose, write, and say what comes next."""
    params, number = asked(), _number()
    now = datetime.now(UTC)
    rows = read(params, now - timedelta(days=DAYS), now).to_pylist()
    if not any(row["text"] is not None for row in rows):
        raise OperateError(_lacking(params, len(rows)))
    chosen = choose(rows, number, known())
    if not chosen:
        raise OperateError(
            f"the data hold all of the {len(rows):,} logged texts already: none is left to label"
        )
    write(chosen, params)
    why = ", ".join(f"{count} {name}" for name, count in Counter(c.why for c in chosen).items())
    sys.stdout.write(
        f"wrote {TABLE}: {len(chosen)} of {len(rows):,} predictions of {DAYS} days ({why})\n"
        f"It holds texts of your users. Fill its column {params.data.label_column}, and remove the "
        "rows that nobody can label, then:\n"
        f"next: make add-labels DATA={TABLE} EXP=<the experiment> NAME=<a new one>\n"
    )


def known() -> set[str]:
    """Return the texts that the data hold already, as far as they are here."""
    return {
        str(text).strip()
        for path in sorted(RAW.glob("*.parquet"))
        for text in pq.read_table(path, columns=["text"])["text"].to_pylist()
        if text is not None
    }


def write(chosen: list[Chosen], params: Params) -> None:
    """Write the table, with an empty column of labels."""
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    head = [params.data.text_column, params.data.label_column, *labelled.COLUMNS]
    with TABLE.open("w", encoding="utf-8-sig", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(head)
        for one in chosen:
            row = one.row
            about = (row["label"], f"{row['confidence']:.3f}", one.why, row["request_id"])
            text = labelled.guard(row["text"])
            lines.writerow([text, "", *about, row["item"], row["version"]])


def _number() -> int:
    given = os.environ.get("N") or str(MOST)
    if not given.isdecimal() or not int(given):
        raise ConfigError(f"N: expected a number of texts, such as N={MOST}, found {given!r}")
    return int(given)


def _lacking(params: Params, rows: int) -> str:
    environment = params.environment
    if not params.request_log.enabled:
        need = "request_log.enabled and request_log.texts are off"
    elif not params.request_log.texts:
        need = "request_log.texts is off"
    else:
        need = "none was logged with its text yet"
    return (
        f"{environment} has {rows:,} logged predictions of {DAYS} days, and none with its text: "
        f"{need}. People label texts: set both to true in conf/env/{environment}.yaml, where you "
        "may keep them, and deploy"
    )


if __name__ == "__main__":
    run(main)
