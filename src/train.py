"""The door of the first workflow guide: `python src/train.py --config configs/x.yaml [--test]`.

It is `make train EXP=x`, with --test `make smoke EXP=x`. The stage that trains is src/ml/train.py.
"""

import argparse
import os
import sys
from pathlib import Path


def main() -> None:
    """Give the way to make, in the project's folder."""
    parser = argparse.ArgumentParser(epilog="The same: make train EXP=x, or make smoke EXP=x")
    parser.add_argument("--config", default="default", help="an experiment, by name or file")
    parser.add_argument("--test", action="store_true", help="run every stage on a few rows")
    given = parser.parse_args()
    name = str(Path(given.config).absolute()) if Path(given.config).exists() else given.config
    words = ["make", "smoke" if given.test else "train", f"EXP={name}"]
    sys.stderr.write(f"make {words[1]} EXP={given.config}\n")
    os.chdir(Path(__file__).parents[1])
    os.execvp("make", words)


if __name__ == "__main__":
    main()
