"""Run tests on a changed copy of the code, in processes that share one start of the libraries.

Imports nothing of the project: a process of `forkserver` must find the copy, and not the original.
"""

import multiprocessing
import os
import sys
from pathlib import Path

import pytest

# What takes seconds to load, in each process anew, before the first test of a gate runs.
HEAVY = ["mlflow", "mlflow.store.tracking.sqlalchemy_store", "boto3", "hydra", "hypothesis", "onnx",
         "onnxruntime", "pandas", "polars", "schemathesis.pytest.plugin", "scipy.special",
         "tokenizers"]  # fmt: skip


def run(source: Path, test: str, log: Path) -> int:
    """Run a test on the code in `source` until a case of it fails; return pytest's exit code."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(HEAVY)
    process = context.Process(target=_run, args=(str(source), test, str(log)))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _run(source: str, test: str, log: str) -> None:
    with open(log, "w") as file:  # noqa: PTH123
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ["PYTHONPATH"] = source
    paths = f"pythonpath={source} tests tests/mlops/support"
    sys.exit(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-o", paths, test]))
