"""Remember what params.yaml was composed from, so that a no-op run need not load Hydra.

Reads: conf/, params.yaml, the environment
Writes: .runs/compose.json
"""

import hashlib
import json
import os
from pathlib import Path

from ml.hashing import digest

STAMP = Path(".runs/compose.json")


def sources() -> str:
    """Hash all that decides a composition: conf/, the whole environment, the code."""
    code = Path(__file__).parent
    parts = [digest(Path("conf")), *(f"{k}={v}" for k, v in sorted(os.environ.items()))]
    parts += [digest(path) for path in sorted(code.parent.glob("*/*.py"))]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def look(path: Path) -> list[list[str | int]]:
    """Return what tells that a file or folder has not changed, without reading it."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    looks = ((str(file), file.stat()) for file in files if file.is_file())
    return [[name, stat.st_size, stat.st_mtime_ns, stat.st_ino] for name, stat in looks]


def remember(before: str, looks: dict[str, list[list[str | int]]], output: Path) -> None:
    """Note the state from which `output` was written."""
    STAMP.parent.mkdir(exist_ok=True)
    stamp = {"sources": before, "inputs": looks, "output": digest(output)}
    STAMP.write_text(json.dumps(stamp), encoding="utf-8")


def holds(now: str, output: Path) -> bool:
    """Tell whether `output` is what the same state gave before."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
        return (
            stamp["sources"] == now
            and all(look(Path(path)) == seen for path, seen in stamp["inputs"].items())
            and stamp["output"] == digest(output)
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
