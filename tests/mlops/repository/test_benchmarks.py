"""Every benchmark still runs, as it is typed, and prints its table: nobody runs them for months."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from clones import WHO
from common import ROOT

BENCHMARKS = ROOT / "benchmarks"
# What is typed, and the sections that must be printed.
QUICK = {
    "data_scale.py --quick": ("Data",),
    "pipeline.py --quick --only training_speed": ("Training speed",),
    "pipeline.py --quick --only quality": ("Quality",),
    "serving.py --quick --only models": ("Default model, lists",),
}
SERVERS = {"retention.py --quick": ("Retention",)}
# Minutes each: installations, servers that load torch, trainings, images.
LONG = {
    "drift.py --quick": ("False alarms", "Power"),
    "request_log.py --quick": ("Request log",),
    "pipeline.py --quick --only first_run --only noop": ("First run", "No-op"),
    "serving.py --quick --only peers --only start --only overload": (
        "MiniLM-L6, side by side", "MiniLM-L6, targets", "Start and size", "Overload",
    ),
    "known_result.py --quick": ("Known result",),
    "storage.py --quick": ("Push and pull of 1 GB", "No-op", "Run-cache of 200 entries"),
    "release.py --quick": ("From a trained model to traffic and back",),
}  # fmt: skip
# Parts of the others, which start them or have them as a section, and what only writes texts.
PARTS = {"first_run.py", "noop.py", "training_speed.py", "quality.py", "one_training.py",
         "one_bento.py", "films.py", "in_process.py"}  # fmt: skip


def check(typed: str, titles: tuple[str, ...], folder: Path) -> None:
    """Run a benchmark as it is typed; it prints its tables and writes none."""
    lacking = [tool for tool in ("wrk", "h2load") if not shutil.which(tool)]
    if lacking and typed.startswith("serving.py"):
        pytest.skip(f"the service is asked by {' and '.join(lacking)}, which .ci/run installs")
    before = {path: path.read_bytes() for path in BENCHMARKS.glob("*.md")}
    done = subprocess.run(
        [sys.executable, *f"benchmarks/{typed}".split()],
        cwd=ROOT, env={**os.environ, **WHO, "TMPDIR": str(folder)},
        text=True, check=False, capture_output=True,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-5000:]
    sections = re.findall(r"^## (.*)\n\n\|.*\|\n\|[ |-]+\|\n(?:\|.*\|\n)+", done.stdout, re.M)
    assert sections == list(titles), done.stdout[-5000:]
    assert {path: path.read_bytes() for path in BENCHMARKS.glob("*.md")} == before


def test_each_benchmark_is_tried() -> None:
    """A program without a line above would rot."""
    tried = {typed.split()[0] for typed in (*QUICK, *SERVERS, *LONG)}
    programs = {
        path.name for path in BENCHMARKS.glob("*.py") if "__main__" in path.read_text("utf-8")
    }

    assert programs == tried | PARTS


@pytest.mark.slow
@pytest.mark.parametrize("typed", QUICK)
def test_a_benchmark_runs(typed: str, tmp_path: Path) -> None:
    """On this machine alone."""
    check(typed, QUICK[typed], tmp_path)


@pytest.mark.integration
@pytest.mark.nightly
@pytest.mark.parametrize("typed", SERVERS)
def test_a_benchmark_with_servers_runs(typed: str) -> None:
    """With those of `make platform`; PostgreSQL, another user, may not enter a test's folder."""
    check(typed, SERVERS[typed], Path(tempfile.gettempdir()))


@pytest.mark.parametrize("program", sorted({typed.split()[0] for typed in (*LONG, *SERVERS)}))
def test_a_long_benchmark_starts(program: str) -> None:
    """What it imports is there: only the nightly runs do more."""
    words = [sys.executable, f"benchmarks/{program}", "--help"]
    done = subprocess.run(words, cwd=ROOT, text=True, check=False, capture_output=True)

    assert done.returncode == 0, done.stderr[-2000:]
    assert "--quick" in done.stdout


@pytest.mark.nightly
@pytest.mark.parametrize("typed", LONG)
def test_a_long_benchmark_runs(typed: str, tmp_path: Path) -> None:
    """With what .ci/run installs."""
    check(typed, LONG[typed], tmp_path)


def test_a_missing_load_generator_is_told(tmp_path: Path) -> None:
    """At once, with the package that has it."""
    for name in ("git", "env"):  # of this machine's programs the benchmark gets these alone
        found = shutil.which(name)
        assert found
        (tmp_path / name).symlink_to(found)
    done = subprocess.run(
        [sys.executable, "benchmarks/serving.py", "--quick"],
        cwd=ROOT, env={**os.environ, "PATH": str(tmp_path)},
        text=True, check=False, capture_output=True,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (
        1, "error: wrk is missing. Install it: apt-get install wrk\n",
    )  # fmt: skip
