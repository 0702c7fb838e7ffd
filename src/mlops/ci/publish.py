"""Post results to GitHub or GitLab: `summary`, `comment`, `release`, `failure` or `drift`.

Needs nothing that is installed for `failure`: what failed may have been the installation.

Reads: WHAT, TAG
"""

import importlib
import os

from mlops.core.errors import HostError, run

MODULES = {
    "summary": "summary", "comment": "comment", "release": "github_release", "failure": "failure",
    "drift": "drift",
}  # fmt: skip


def main() -> None:
    """Hand over to the module of this room."""
    what = os.environ.get("WHAT", "")
    if what not in MODULES:
        raise HostError(f"WHAT: expected one of {', '.join(MODULES)}, found {what or 'nothing'}")
    importlib.import_module(f"mlops.ci.{MODULES[what]}").main()


if __name__ == "__main__":
    run(main)
