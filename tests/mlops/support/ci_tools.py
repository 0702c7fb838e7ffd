"""The environment of CI's tools, installed by the project's own Makefile for the slow tests."""

import subprocess
from pathlib import Path

from common import ROOT


def installed() -> Path:
    """Install what requirements/ci.lock names, unless it is there; return the programs' folder."""
    subprocess.run(["make", ".venv/ci/installed"], cwd=ROOT, check=True)
    return ROOT / ".venv" / "ci" / "bin"
