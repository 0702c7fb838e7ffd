"""Bring conf/ to the names of this release, and write what follows from it.

Reads: conf/, EXP, whose experiment params.yaml is composed for, else the one that the branch trains
Writes: conf/, where a key was renamed; params.yaml, .dvc/config and conf/schema
"""

import os
import sys

from ml import chosen, compose, remotes, schema
from ml.config import PARAMS
from ml.configuration.names import CONF
from ml.configuration.renamed import migrated
from ml.configuration.yaml_file import read
from ml.errors import run


def main() -> None:
    """Rename, then compose for dev, as params.yaml is committed."""
    for path in sorted(CONF.rglob("*.yaml")):
        after = migrated(path)
        if after != read(path):
            path.write_bytes(after.encode())  # line ends stay what they are
            sys.stdout.write(f"{path}: keys renamed\n")
    os.environ["EXP"] = os.environ.get("EXP") or chosen.chosen()
    compose.main()
    sys.stdout.write(f"{PARAMS}: for the experiment {os.environ['EXP']}\n")
    remotes.main()
    schema.main()


if __name__ == "__main__":
    run(main)
