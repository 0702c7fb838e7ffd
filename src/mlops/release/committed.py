"""conf/ as Git has it, out of reach of edits, SET and of what Git is set to ignore.

Reads: the Git repository
"""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

from mlops.core.errors import GateError
from mlops.core.names import CONF


@contextmanager
def conf() -> Iterator[str]:
    """Change into a folder with conf/ of the commit that is checked out; yield the commit."""
    commit = _git("rev-parse", "HEAD").decode().strip()
    listed = _git("ls-tree", "-r", "-z", commit, "--", str(CONF)).decode()
    with tempfile.TemporaryDirectory(prefix="committed-") as name:
        for entry in filter(None, listed.split("\0")):
            about, _, path = entry.partition("\t")
            mode, _, blob = about.split()
            if not mode.startswith("100"):
                raise GateError(
                    f"{path} is a link, and only committed files count; commit the file"
                )
            target = Path(name) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(_git("cat-file", "blob", blob))
        with chdir(name):
            yield commit


def _git(*words: str) -> bytes:
    command = ["git", "--no-replace-objects", *words]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
        reason = done.stderr.decode("utf-8", "replace").strip()
    except OSError as error:
        reason = str(error)
    else:
        if done.returncode == 0:
            return done.stdout
    raise GateError(
        "the gate of every environment but dev uses the bounds of the checked-out commit, and "
        f"Git says: {reason}"
    )
