"""Ask a service at rising rates: what each does to latency and errors, and where the knee is.

Reads: conf/ (load_test, serving), IMAGE
Writes: reports/load_sweep.json, .md and .png
"""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mlops.client import busy, load_curve, load_generator, load_picture, load_table
from mlops.client.address import Address
from mlops.client.load_curve import Knee, Row
from mlops.client.load_table import PICTURE, REPORT, TABLE
from mlops.config.operating import LoadTest
from mlops.config.schema import Params
from mlops.core import outputs, table
from mlops.core.errors import ServingError


def measured(where: Address, asked: Sequence[str], rate: int, wanted: LoadTest) -> Row:
    """Ask at one rate, with arrivals as those of many callers; return what was found."""
    due = load_generator.poisson(rate, wanted.warmup_seconds + wanted.sweep_seconds)
    if not due:
        return load_curve.row(rate, [], wanted)
    before = busy.scrape(where)
    records = load_generator.send(where, asked, due)
    span = max(ended for _, _, ended, _ in records) - records[0][0]
    share = busy.share(before, busy.scrape(where), len(records), span)
    return load_curve.row(rate, records, wanted, share)


def sweep(params: Params, where: Address, asked: Sequence[str], service: Mapping[str, Any]) -> None:
    """Measure, write the reports, and say where the knee is."""
    wanted = params.load_test

    def measure(rate: int) -> Row:
        row = measured(where, asked, rate, wanted)
        cells = zip(load_table.HEAD, load_table.cells(asdict(row)), strict=True)
        sys.stdout.write(", ".join(f"{name} {cell}".strip() for name, cell in cells) + "\n")
        sys.stdout.flush()
        return row

    rows = load_curve.search(wanted.sweep_rates, measure)
    knee = load_curve.knee(rows)
    found = {
        "environment": params.environment, "url": str(where), "service": dict(service),
        "image": os.environ.get("IMAGE") or None, "cores": os.cpu_count() or 1,
        "threads": params.serving.workers, "objective": wanted.model_dump(),
        "knee": asdict(knee), "busy_threads": target(rows, knee, params.serving.workers),
        "rows": [asdict(row) for row in rows],
    }  # fmt: skip
    outputs.write_json(REPORT, found)
    TABLE.write_text("\n".join(load_table.markdown(found)), encoding="utf-8")
    load_picture.draw(rows, knee, wanted.max_p99_ms, PICTURE)
    shown = table.lines(load_table.HEAD, [load_table.cells(asdict(row)) for row in rows])
    lines = [*shown, load_table.conclusion(found), load_table.busy_line(found)]
    written = f"written to {REPORT}, {TABLE.name} and {PICTURE.name}"
    sys.stdout.write("\n".join(["", *lines, written, ""]))
    if knee.rate is None:
        raise ServingError(
            f"{load_table.conclusion(found)}; lower load_test.sweep_rates, or run it again on a "
            "machine with a free core"
        )


def target(rows: Sequence[Row], knee: Knee, threads: int) -> float | None:
    """Return how busy each thread is at the knee; None where that is not known."""
    if knee.rate is None or knee.reason:
        return None
    return busy.target(next(row.busy for row in rows if row.rate == knee.rate), threads)
