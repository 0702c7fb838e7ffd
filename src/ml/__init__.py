"""A text classifier, stage by stage: compose, ingest, prepare, train, evaluate, export."""

import gc
import os
import sys
from pathlib import Path


def _code() -> str:
    """Return the folder of the code to run: that of the current folder, which no other replaces."""
    if sys.flags.optimize:
        sys.exit("error: PYTHONOPTIMIZE strips what MLflow and others need; unset PYTHONOPTIMIZE")
    mine, here = Path(__file__).resolve().parent, Path("src/ml").resolve()
    if here == mine or not (here / "__init__.py").exists():
        return str(mine)
    project = mine.parents[1]
    if project / ".dvc" / "tmp" / "exps" not in here.parents:
        sys.exit(
            f"error: this environment belongs to {project} and would run its code, not that of "
            f"{Path.cwd()}; rm -rf .venv && make install, then activate that one"
        )
    # A queued experiment runs its own code, as it was when it was queued.
    sys.path.insert(0, str(here.parent))
    return str(here)


# The imports of a stage (`python -m ml.train`) make a million objects that live to its end: looking
# for garbage among them takes a third of the time. `ml.errors.run` turns the collector on again.
if sys.argv[0] == "-m":
    gc.disable()
    __path__ = [_code()]

# Both report to their makers over the network unless they are told not to before they start.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
