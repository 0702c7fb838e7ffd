"""Run every stage on a few rows in a temporary folder, so that a mistake shows in seconds.

Reads: conf/, the variables ENV, EXP and SET, the sources that they name
Writes: nothing that stays
"""

import importlib
import logging
import multiprocessing
import os
import shlex
import shutil
import sys
import tempfile
import time
from functools import partial

from mlops import tracking
from mlops.config.schema import Params
from mlops.core.errors import run
from mlops.core.names import asked_experiment
from mlops.pipeline import compose, snapshot
from mlops.tables import pins
from mlops.tracking import untracked

log = logging.getLogger(__name__)

DATA, MODEL = ("ingest", "prepare"), ("train", "evaluate", "export")

# Few rows and one epoch; what only measures quality is off: there is no quality to measure.
SMALL = (
    "data.synthetic_rows=400",
    "prepare.sample=1.0",
    "prepare.max_rows=64",
    "prepare.min_rows=1",
    "prepare.min_class_share=0.0",
    "training.epochs=1",
    "training.early_stopping=0",
    "evaluate.resamples=100",
    "export.labels_agree=0.0",
    "export.accuracy_drop=1.0",
)


def absolute(params: Params) -> Params:
    """Return the configuration with the local paths that it names made absolute."""
    data = {
        name: _absolute(name, getattr(params.data, name))
        for name in ("train_path", "val_path", "test_path")
    }
    model = {"pretrained": _absolute("pretrained", params.model.pretrained)}
    return params.model_copy(
        update={
            "data": params.data.model_copy(update=data),
            "model": params.model.model_copy(update=model),
        }
    )


def _absolute(name: str, source: str | None) -> str | None:
    path = snapshot.meant(name, source) if source else None
    # These may be names: of the hub, of our grammar.
    named = name == "pretrained" or str(source).startswith("hf:") or source == "synthetic"
    if not source or not path or (named and not path.exists()):
        return source
    if source.startswith("hf:"):
        return source.replace(str(path), str(path.absolute()), 1)
    return str(path.absolute())


def run_stages(names: tuple[str, ...]) -> None:
    """Run stages one after the other, and tell how long each takes."""
    for name in names:
        start = time.monotonic()
        importlib.import_module(f"ml.{name}").main()
        log.info("%-9s ok  %4.1f s", name, time.monotonic() - start)


def run_all() -> None:
    """Run the stages of the data in a process of their own, while those of the model load."""
    child = multiprocessing.get_context("fork").Process(
        target=run, args=(partial(run_stages, DATA), "")
    )
    child.start()
    try:
        tracking.runs = untracked  # type: ignore[attr-defined]  # what stages import by this name
        for name in MODEL:
            importlib.import_module(f"ml.{name}")
    finally:
        child.join()
    if child.exitcode:  # it has told why
        sys.exit(child.exitcode)
    run_stages(MODEL)


def main() -> None:
    """Compose, then run the stages in an empty folder."""
    env, exp = os.environ.get("ENV") or "dev", asked_experiment() or "default"
    words = [*shlex.split(os.environ.get("SET", "")), *SMALL]
    params = absolute(compose.compose(env, exp, shlex.join(words)))
    with tempfile.TemporaryDirectory(prefix="smoke-") as folder:
        if pins.LOCK.exists():
            shutil.copy(pins.LOCK, folder)
        os.chdir(folder)
        compose.write(snapshot.taken(params, {}))  # also pins what sources.lock does not have yet
        run_all()
    log.info("smoke run of %s in %s: every stage works; nothing was kept", exp, env)


if __name__ == "__main__":
    run(main)
