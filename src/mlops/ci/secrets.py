"""What looks like a key or a password in the files that Git knows.

Reads: those files, .secrets.baseline (by hash, what looks like a secret and is none)
"""

import json
import subprocess
from pathlib import Path
from typing import Any

from mlops.core.errors import AuditError

TOOL = Path(".venv/ci/bin/detect-secrets")
BASELINE = Path(".secrets.baseline")


def found() -> list[str]:
    """Return the places of what looks like a secret and does not stand in the baseline."""
    listed = subprocess.run(["git", "ls-files", "-z"], text=True, capture_output=True, check=True)
    paths = [Path(name) for name in listed.stdout.split("\0") if name]
    # Locks are hashes, and so is the baseline.
    read = [str(p) for p in paths if p.is_file() and p.suffix != ".lock" and p != BASELINE]
    known = {
        (name, one["hashed_secret"])
        for name, places in json.loads(BASELINE.read_text(encoding="utf-8"))["results"].items()
        for one in places
    }
    return [
        f"{name}:{one['line_number']}: looks like a secret ({one['type']})"
        for name, places in scanned(read).items()
        for one in places
        if (name, one["hashed_secret"]) not in known
    ]


def scanned(names: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Return what detect-secrets finds, asking nobody whether a key works."""
    # Its hook would rewrite the baseline whenever a line moves.
    done = subprocess.run(
        [str(TOOL), "scan", "--no-verify", *names], text=True, capture_output=True, check=False
    )
    if done.returncode:
        raise AuditError(f"detect-secrets should look at the files, but says: {done.stderr[-500:]}")
    results: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)["results"]
    return results
