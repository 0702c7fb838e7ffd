"""How fast are `ingest` and `prepare`, and how much memory do they take, as the data grow?

Run: python benchmarks/data_scale.py [folder of another checkout to compare with]
Writes: benchmarks/data.md
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
import results
import yaml
from settings import ROOT
from table import Section, at_most

ROWS = (100_000, 1_000_000, 10_000_000)
SHARD = 500_000  # rows
MOST = 2.0  # GiB resident
WORDS = ("plain", "dull", "superb", "quiet", "loud", "long", "short", "old", "new", "odd")
PAGE = ROOT / "benchmarks" / "data.md"
HEADER = "# Benchmarks of the data stages\n\nBy `python benchmarks/data_scale.py`.\n"


def source(folder: Path, rows: int) -> None:
    """Write shards of short texts, all different, with two labels."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for start in range(0, rows, SHARD):
        numbers = np.arange(start, min(start + SHARD, rows))
        words = [pl.Series(random.choice(WORDS, len(numbers))) for _ in range(4)]
        table = pl.DataFrame({"n": numbers, "label": random.choice(["bad", "good"], len(numbers))})
        text = pl.concat_str(pl.lit("film "), pl.col("n"), *words, separator=" ")
        table.select(text.alias("text"), "label").write_parquet(folder / f"{start:09}.parquet")


def stage(name: str, code: Path, folder: Path) -> tuple[float, float, float]:
    """Run a stage of a checkout; return its seconds, those of CPU, and the GiB it held at most."""
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", f"ml.{name}"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(code / "src")},
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"error: {name} of {code} failed in {folder}")
    busy = used.ru_utime + used.ru_stime
    return time.monotonic() - started, busy, used.ru_maxrss / 2**20


def measure(checkouts: dict[str, Path]) -> Section:
    """Run both stages on all sizes."""
    cells: list[list[str]] = []
    for rows in ROWS:
        with tempfile.TemporaryDirectory(prefix="scale-", dir=ROOT.parent) as name:
            folder = Path(name)
            source(folder / "source", rows)
            for which, code in checkouts.items():
                params = yaml.safe_load((code / "params.yaml").read_text(encoding="utf-8"))
                params["data"]["train_path"] = "source"
                params["prepare"]["sample"] = 1.0
                (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
                for verb in ("ingest", "prepare"):
                    seconds, busy, memory = stage(verb, code, folder)
                    rate, kept = f"{rows / seconds:,.0f}", at_most(memory, MOST)
                    times = f"{seconds:.1f}", f"{busy:.1f}"
                    cells.append([f"{rows:,}", verb, which, *times, rate, f"{memory:.2f}", kept])
                    print(*cells[-1], flush=True)
    head = ("rows", "stage", "code", "seconds", "of CPU", "rows/s", "peak GiB", "below 2")
    return Section("Data", head, cells, ["Parquet, 7 words a text; start of Python included."])


if __name__ == "__main__":
    told = {"before": Path(sys.argv[1]).absolute()} if sys.argv[1:] else {}
    state = results.state(ROOT)
    found = results.printed([measure({**told, "now": ROOT})], state)
    PAGE.write_text(results.page(HEADER, ("polars", "pyarrow"), list(found), found), "utf-8")
