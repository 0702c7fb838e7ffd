"""Tell the host of CI what came out: `summary`, `comment`, `release` or `failure`.

Needs nothing that is installed for `failure`: what failed may have been the installation.

Reads: WHAT
"""

import importlib
import os

from ml.errors import HostError, run

WHATS = ("summary", "comment", "release", "failure")


def main() -> None:
    """Hand over to the module in ml.hosting."""
    what = os.environ.get("WHAT", "")
    if what not in WHATS:
        raise HostError(f"WHAT should be one of {', '.join(WHATS)}, found {what or 'nothing'}")
    importlib.import_module(f"ml.hosting.{what}").main()


if __name__ == "__main__":
    run(main)
