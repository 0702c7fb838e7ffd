"""Rules of the warm Python that clones are lent: it ends as the real one does."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import warm
from common import ROOT

# In the end-to-end suite, whose other files have it loaded already.
pytestmark = pytest.mark.slow

JOBS = {
    "it is itself": "import os, sys; print(__name__, __file__, sys.argv, sys.path[0], os.getcwd())",
    "its variables": "import os; print(sorted(os.environ.items()))",
    "its input": "print(input().upper())",
    "a code": "raise SystemExit(7)",
    "a sentence": "raise SystemExit('no such file')",
    "an error": "print('before')\n1 / 0",
    "killed": "import os\nos.kill(os.getpid(), 9)",
    "what ends later": (
        "import atexit, threading\natexit.register(print, 'last')\n"
        "threading.Timer(0.01, print, ['a thread']).start()"
    ),
    "another process": "import os\nif not os.fork(): os._exit(3)\nprint(os.wait()[1])",
}
WAITING = "import os, signal\nprint(os.getpid(), flush=True)\nsignal.pause()\n"


def command(program: str, folder: Path, job: str) -> list[str]:
    """Write a module into a folder; return what runs it there."""
    (folder / "job.py").write_text(job)
    return [program, "-m", "job", "one", "two words"]


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_a_warm_process_ends_as_the_real_one(job: str, tmp_path: Path) -> None:
    """Exit code or signal, all that it prints, and the last line of what it complains of."""
    ended = [
        subprocess.run(
            command(program, tmp_path, job), cwd=tmp_path, text=True, check=False,
            capture_output=True, input="typed\n",
        )
        for program in (warm.python(ROOT / ".venv"), sys.executable)
    ]  # fmt: skip
    told = [(one.returncode, one.stdout, one.stderr.splitlines()[-1:]) for one in ended]

    assert told[0] == told[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_signal_ends_what_stands_behind(number: int, tmp_path: Path) -> None:
    """Also one that cannot be passed on: nothing goes on that nobody waits for."""
    typed = command(warm.python(ROOT / ".venv"), tmp_path, WAITING)
    with subprocess.Popen(
        typed, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as client:
        assert client.stdout
        worker = os.pidfd_open(int(client.stdout.readline()))
        client.send_signal(number)

    assert client.returncode == -number
    assert select.select([worker], [], [], 60)[0]
    os.close(worker)
