"""Rules of mlops.lineage.process."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from common import ROOT
from mlops.lineage import process

# A program with a child of its own, both of which tell their number and wait for ever.
FAMILY = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
print(os.getpid(), child.pid, flush=True)
time.sleep(1000)
"""


def test_the_exit_code_is_that_of_the_program(tmp_path: Path) -> None:
    """It runs in the folder, with the variables."""
    command = [sys.executable, "-c", "import os, sys; sys.exit(int(os.environ['CODE']))"]

    assert process.run(command, tmp_path, {**os.environ, "CODE": "7"}) == 7


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whoever_is_ended_ends_its_family(tmp_path: Path, number: signal.Signals) -> None:
    """By Ctrl-C or a polite kill: what was started, and what that has started."""
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom mlops.lineage import process\n"
        "process.end_by_exit()\n"
        f"process.run([sys.executable, '-c', {FAMILY!r}], Path('.'), os.environ)\n"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert running.stdout
    family = [psutil.Process(int(word)) for word in running.stdout.readline().split()]

    running.send_signal(number)
    code = running.wait(60)

    assert code in (128 + number, -number, 1)
    _, alive = psutil.wait_procs(family, timeout=60)
    assert alive == []
