"""The hashes of src/mlops, by which `make doctor` finds edited files in a project.

Run: `make draw` writes them
"""

import sys

import template
from common import ROOT
from mlops.doctor.edited import LOCK, digest


def text() -> str:
    """Return them in the form of sha256sum: what a project gets of the code that is not its own."""
    names = [
        name
        for name in sorted(template.inherited())
        if name.startswith(("src/mlops/", "src/hydra_plugins/")) and name != str(LOCK)
    ]
    return "".join(f"{digest(ROOT / name)}  {name}\n" for name in names)


if __name__ == "__main__":
    (ROOT / LOCK).write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{LOCK}\n")
