"""Bring conf/ to the names of this release, and write what follows from it.

Reads: conf/, EXP, whose experiment params.yaml is composed for, else the one that the branch trains
Writes: conf/, where a key was renamed; params.yaml, .dvc/config and conf/schema
"""

import os
import sys

from mlops.config import json_schema
from mlops.config.renamed import migrated
from mlops.config.schema import PARAMS
from mlops.config.yaml_file import read
from mlops.core.errors import run
from mlops.core.names import CONF
from mlops.pipeline import branch_experiment, compose
from mlops.storage import remotes


def main() -> None:
    """Rename, then compose for dev, as params.yaml is committed."""
    for path in sorted(CONF.rglob("*.yaml")):
        after = migrated(path)
        if after != read(path):
            path.write_bytes(after.encode())  # line ends stay what they are
            sys.stdout.write(f"{path}: keys renamed\n")
    os.environ["EXP"] = os.environ.get("EXP") or branch_experiment.selected()
    compose.main()
    sys.stdout.write(f"{PARAMS}: for the experiment {os.environ['EXP']}\n")
    remotes.main()
    json_schema.main()


if __name__ == "__main__":
    run(main)
