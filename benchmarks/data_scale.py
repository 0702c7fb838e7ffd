"""How fast are `ingest` and `prepare`, and how much memory do they take, as the data grow?

Run: python benchmarks/data_scale.py [--quick] [folder of another checkout to compare with]
Writes: benchmarks/data.md, with --quick nothing
"""

import argparse
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

CASES = ((100_000, 1), (1_000_000, 1), (10_000_000, 1), (10_000_000, 2))  # rows, of each text
QUICK = ((2_000, 2),)
SHARD = 500_000  # rows
MOST = 2.0  # GiB resident
WORDS = ("plain", "dull", "superb", "quiet", "loud", "long", "short", "old", "new", "odd")
PAGE = ROOT / "benchmarks" / "data.md"
HEADER = "# Benchmarks of the data stages\n\nBy `python benchmarks/data_scale.py`.\n"


def source(folder: Path, rows: int, times: int) -> None:
    """Write shards of short texts with two labels, each text so many times, far apart."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    texts = rows // times
    words = random.integers(len(WORDS), size=(4, texts), dtype=np.int8)
    labels = random.integers(2, size=texts, dtype=np.int8)
    for start in range(0, rows, SHARD):
        numbers = np.arange(start, min(start + SHARD, rows)) % texts
        told = [pl.Series(WORDS)[word[numbers]] for word in words]
        table = pl.DataFrame({"n": numbers, "label": pl.Series(("bad", "good"))[labels[numbers]]})
        text = pl.concat_str(pl.lit("film "), pl.col("n"), *told, separator=" ")
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


def measure(checkouts: dict[str, Path], cases: tuple[tuple[int, int], ...]) -> Section:
    """Run both stages on all sizes."""
    cells: list[list[str]] = []
    for rows, times in cases:
        with tempfile.TemporaryDirectory(prefix="scale-", dir=ROOT.parent) as name:
            folder = Path(name)
            source(folder / "source", rows, times)
            for which, code in checkouts.items():
                params = yaml.safe_load((code / "params.yaml").read_text(encoding="utf-8"))
                params["data"]["train_path"] = "source"
                params["prepare"]["sample"] = 1.0
                (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
                for verb in ("ingest", "prepare"):
                    seconds, busy, memory = stage(verb, code, folder)
                    rate, kept = f"{rows / seconds:,.0f}", at_most(memory, MOST)
                    took = f"{seconds:.1f}", f"{busy:.1f}", rate
                    case = f"{rows:,}", f"{times}x", verb, which
                    cells.append([*case, *took, f"{memory:.2f}", kept])
                    print(*cells[-1], flush=True)
    head = (
        "rows", "each text", "stage", "code", "seconds", "of CPU", "rows/s", "peak GiB", "below 2"
    )  # fmt: skip
    return Section("Data", head, cells, ["Parquet, 7 words a text; start of Python included."])


def main() -> None:
    """Measure this checkout, and another one where one is named."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--quick", action="store_true", help="tiny sizes, to try the benchmark")
    words.add_argument("before", nargs="?", type=Path, help="folder of another checkout")
    asked = words.parse_args()
    before = {"before": asked.before.absolute()} if asked.before else {}
    state = results.state(ROOT)
    sections = [measure({**before, "now": ROOT}, QUICK if asked.quick else CASES)]
    found = results.printed(sections, state)
    if not asked.quick:
        PAGE.write_text(results.page(HEADER, ("polars", "pyarrow"), list(found), found), "utf-8")


if __name__ == "__main__":
    main()
