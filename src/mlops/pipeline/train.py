"""Run the pipeline, then print what it has made.

Reads: conf/, the variables ENV, EXP, SET, REFRESH, SHARE and V
Writes: what the stages of dvc.yaml write
"""

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlops.core import repository
from mlops.core.command import foreground
from mlops.core.errors import run
from mlops.core.terminal import STAGE
from mlops.pipeline import summary


def compile_ahead() -> None:
    """Make bytecode of torch where there is none, while the data stages need one core.

    It takes ten seconds, which the first training would else wait for.
    """
    found = list(Path(sys.prefix, "lib").glob("python*/site-packages/torch"))
    if any(not (torch / "__pycache__").exists() for torch in found):
        subprocess.Popen(
            [sys.executable, "-c", "import ml.train, ml.evaluate, ml.export"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip


def reproduce(pull: bool = False) -> None:
    """Run the stages that have changed; the process ends where one fails or is interrupted."""
    with composing() as compose:
        # As while a module is started: looking for garbage among what is imported finds none.
        gc.disable()
        from mlops.pipeline import repro  # noqa: PLC0415  while composing is loaded

        gc.freeze()
        gc.enable()
        if os.environ.get("V", "0") in ("", "0"):
            repro.reproduce(pull, compose)
        else:
            repro.verbose(pull)


@contextmanager
def composing() -> Iterator["subprocess.Popen[str]"]:
    """Start the first stage while DVC is loaded; it does nothing before it is called."""
    command = [sys.executable, "-m", "mlops.pipeline.compose", "wait"]
    variables = {**os.environ, STAGE: "compose"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=variables, text=True) as process:
        yield process


def share(how: str) -> None:
    """Run the pipeline with the remote, in a process that has loaded what talks to it."""
    command = [sys.executable, "-m", "mlops.storage.share", "restore" if how == "pull" else "train"]
    if code := foreground(lambda: subprocess.Popen(command)):
        sys.exit(code)


def main() -> None:
    """Run what has changed and sum up."""
    repository.check()
    compile_ahead()
    how = os.environ.get("SHARE", "0")
    if how in ("", "0"):
        reproduce()
    else:
        share(how)
    summary.main()


if __name__ == "__main__":
    run(main)
