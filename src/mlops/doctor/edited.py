"""Which files of src/mlops are not as their release has them: an update of these will conflict.

Reads: the files that mlops.lock names, in the form of sha256sum; `make draw` of the template
    writes it, so that a project has the one of the release that it was made of or updated to
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from mlops.core.paths import ANSWERS
from mlops.doctor.finding import Finding, note, ok

LOCK = Path("src/mlops/doctor/mlops.lock")
SHOWN = 5


def edited() -> Iterator[Finding]:
    """Name what is changed or gone; in the template itself, where all is edited, say nothing."""
    if not ANSWERS.is_file():
        return
    if not LOCK.is_file():
        yield note("src/mlops", f"{LOCK} is missing, so edited files cannot be found", "restore it")
        return
    released = [line.partition("  ") for line in LOCK.read_text(encoding="utf-8").splitlines()]
    names = [name for wanted, _, name in released if digest(Path(name)) != wanted]
    if not names:
        yield ok("src/mlops", f"{len(released)} files are as released")
        return
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    yield note(
        "src/mlops",
        f"changed since the release: {', '.join(names[:SHOWN])}{more}",
        "an update that changes them will conflict; propose the change to the template",
    )


def digest(path: Path) -> str:
    """Return the hash of a file, whatever line ends Git gives it here; nothing if it is gone."""
    if not path.is_file():
        return ""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
