"""Run a way of sharing for each line on stdin, each in a fork.

What takes long to import is imported here once.
"""

import contextlib
import importlib
import json
import os
import sys

from dvc.cli import main as dvc

from mlops.core import errors
from mlops.storage import share, verify


def ours() -> None:
    """Train and share as `make train SHARE=1` does."""
    sys.argv = ["share", "train"]
    errors.run(share.main)


def push() -> None:
    """Share as `make push` does."""
    sys.argv = ["share", "push"]
    errors.run(share.main)


def look() -> None:
    """Look as `make verify` does."""
    errors.run(verify.main)


def plain() -> None:
    """Train and share with DVC alone, its default remote set as a person would."""
    failed = dvc(["repro", "--pull"])
    sys.exit(dvc(["push", "--run-cache", "--remote", os.environ["ENV"]]) or failed)


WAYS = {"ours": ours, "push": push, "verify": look, "plain": plain}


def forked(order: dict[str, str], variables: dict[str, str]) -> int:
    """Run a way in a child; return its exit code, and import here what the child has imported."""
    inside, outside = os.pipe()
    if child := os.fork():
        os.close(outside)
        with os.fdopen(inside) as names:
            for name in names:
                with contextlib.suppress(Exception):
                    importlib.import_module(name.strip())
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    file = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.chdir(order["folder"])
    os.environ.update(variables)
    known = set(sys.modules)
    try:
        WAYS[order["way"]]()
    finally:
        with os.fdopen(outside, "w") as names:
            names.writelines(f"{name}\n" for name in sys.modules if name not in known)
    sys.exit()


if __name__ == "__main__":
    for line in sys.stdin:
        told = json.loads(line)
        sys.stdout.write(f"{forked(told, told['variables'])}\n")
        sys.stdout.flush()
