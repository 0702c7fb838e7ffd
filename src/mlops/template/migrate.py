"""Bring what is the project's own to the names of this release, and write what follows from conf/.

Reads: conf/, EXP, whose experiment params.yaml is composed for, else the one that the branch trains
Writes: conf/, where a key was renamed; files that name a module which moved; files of the project's
    own in a folder that moved; params.yaml, .dvc/config and conf/schema
"""

import os
import subprocess
import sys

from mlops.config import json_schema
from mlops.config.renamed import migrated
from mlops.config.schema import PARAMS
from mlops.config.yaml_file import read
from mlops.core.errors import TemplateError, run
from mlops.core.names import CONF, asked_experiment
from mlops.pipeline import branch_experiment, compose
from mlops.storage import remotes
from mlops.template import imports, own_files
from mlops.template.copier import git


def modules() -> None:
    """Renew the names of modules, tell of each, and sort the imports of what has changed."""
    try:
        git("rev-parse", "--verify", "HEAD")
    except TemplateError:
        return  # nobody could see what was written
    sys.stdout.writelines(f"{line}\n" for line in own_files.follow())
    for path in own_files.files():
        found = imports.renewed(path)
        sys.stdout.writelines(f"{line}\n" for line in found.notes)
        if found.text != found.was:
            path.write_bytes(found.text.encode(errors="surrogateescape"))
    ruff = [sys.executable, "-m", "ruff", "check", "--quiet", "--select", "I", "--fix-only"]
    if changed := own_files.changed():
        subprocess.run([*ruff, *changed], check=False)


def main() -> None:
    """Rename, then compose for dev, as params.yaml is committed."""
    modules()
    for path in sorted(CONF.rglob("*.yaml")):
        after = migrated(path)
        if after != read(path):
            path.write_bytes(after.encode())  # line ends stay what they are
            sys.stdout.write(f"{path}: keys renamed\n")
    os.environ["EXP"] = asked_experiment() or branch_experiment.selected()
    compose.main()
    sys.stdout.write(f"{PARAMS}: for the experiment {os.environ['EXP']}\n")
    remotes.main()
    json_schema.main()


if __name__ == "__main__":
    run(main)
