"""What looks like a key or a password in the files that Git knows.

Reads: those files, .secrets.baseline (what looks like a secret and is none)
"""

import json
import subprocess
from pathlib import Path

from ml.errors import AuditError

HOOK = Path(".venv/ci/bin/detect-secrets-hook")
BASELINE = Path(".secrets.baseline")


def found() -> list[str]:
    """Return the places of what looks like a secret and stands in no baseline."""
    listed = subprocess.run(["git", "ls-files", "-z"], text=True, capture_output=True, check=True)
    names = [name for name in listed.stdout.split("\0") if name and not name.endswith(".lock")]
    done = subprocess.run(
        [str(HOOK), "--no-verify", "--json", "--baseline", str(BASELINE),
         *(name for name in names if Path(name).is_file() and Path(name) != BASELINE)],
        text=True, capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode == 0:
        return []
    try:
        results = json.loads(done.stdout)["results"]
    except (ValueError, KeyError):
        raise AuditError(f"detect-secrets failed: {(done.stderr or done.stdout)[-500:]}") from None
    return [
        f"{name}:{one['line_number']}: looks like a secret ({one['type']})"
        for name, places in results.items()
        for one in places
    ]
