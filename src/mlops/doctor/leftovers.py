"""What a process of DVC that was killed has left behind.

Reads: .dvc/tmp/rwlock, which names the processes that work on an output
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlops.doctor import outside
from mlops.doctor.finding import Finding, broken, note, ok

LOCK = Path(".dvc/tmp/rwlock")


def leftovers() -> Finding:
    """Tell who holds DVC's lock, and whether that process still is one of DVC."""
    try:
        holders = dict(_holders(json.loads(LOCK.read_text(encoding="utf-8"))))
    except FileNotFoundError:
        return ok("DVC", "no lock is held")
    except (ValueError, TypeError, KeyError, AttributeError):
        return broken("DVC", f"{LOCK} was cut off: DVC cannot read it", f"rm {LOCK}")
    for pid, command in holders.items():
        said = outside.program("ps", "-ww", "-o", "args=", "-p", str(pid))
        if said is None or not said.good:
            continue  # it is gone: DVC takes its lock away by itself
        if re.search(r"dvc|/ml train| ml\.| mlops\.", said.text):
            return note("DVC", f"process {pid} (`{command}`) is running", "wait until it ends")
        return broken(
            "DVC",
            f"a lock is held for process {pid} (`{command}`), which is another program now",
            f"rm {LOCK}",
        )
    return ok(
        "DVC",
        "no lock is held" if not holders else "a stale lock of ended processes, which DVC ignores",
    )


def _holders(lock: dict[str, dict[str, Any]]) -> Iterator[tuple[int, str]]:
    for held in (*lock.get("read", {}).values(), *lock.get("write", {}).values()):
        for one in held if isinstance(held, list) else [held]:
            yield int(one["pid"]), one["cmd"]
