"""The door of the first workflow guide: `python scripts/validate_config.py configs/x.yaml`.

It is `make validate EXP=x`.
"""

import argparse
import os
import sys
from pathlib import Path


def main() -> None:
    """Give the way to make, in the project's folder."""
    parser = argparse.ArgumentParser(epilog="The same: make validate EXP=x")
    parser.add_argument("config", nargs="?", default="", help="an experiment; none: all of them")
    given = parser.parse_args().config
    name = str(Path(given).absolute()) if given and Path(given).exists() else given
    sys.stderr.write(f"make validate{f' EXP={given}' if given else ''}\n")
    os.chdir(Path(__file__).parents[1])
    os.execvp("make", ["make", "validate", *([f"EXP={name}"] if name else [])])


if __name__ == "__main__":
    main()
