"""A worker ends when its supervisor is gone."""

import signal
import subprocess
import sys

import psutil

SUPERVISOR = """
import subprocess, sys
worker = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=sys.stdout)
worker.wait()
"""
# Answers its end in its own way, as uvicorn does.
WORKER = """
import os, signal
from mlops.serving import parent
signal.signal(signal.SIGTERM, lambda *_: print("ended", flush=True) or os._exit(0))
parent.SECONDS = 0.01
parent.watch(os.getppid())
print(os.getpid(), flush=True)
while True:
    signal.pause()
"""


def test_a_worker_ends_with_its_supervisor() -> None:
    """Killed, that one can tell it nothing; the port would stay taken, by the old model."""
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, WORKER], stdout=subprocess.PIPE, text=True
    )
    assert supervisor.stdout
    worker = psutil.Process(int(supervisor.stdout.readline()))
    supervisor.send_signal(signal.SIGKILL)

    assert supervisor.stdout.readline() == "ended\n"
    psutil.wait_procs([worker], timeout=30)
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
    supervisor.wait()
    supervisor.stdout.close()
