"""The template's part: it arrives by `make update`. Read it, do not edit it."""

import gc
import os
import signal
import sys
from pathlib import Path


def code_folder(init: str) -> str:
    """Return the folder that a package runs from: that of the current folder, no other replaces it.

    `init` is the package's `__init__.py`.
    """
    if sys.flags.optimize:
        sys.exit("error: PYTHONOPTIMIZE strips what MLflow and others need; unset PYTHONOPTIMIZE")
    mine = Path(init).resolve().parent
    here = Path("src", mine.name).resolve()
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


# `python -m mlops.<room>.<module>`, or the program `ml`.
STARTED = sys.argv[0] == "-m" or Path(sys.argv[0]).name == "ml"
# The imports of a stage (`python -m ml.train`) make a million objects that live to its end: looking
# for garbage among them takes a third of the time. `mlops.core.errors.run` turns the collector on.
# Nor does Ctrl+C while they last print where among them it came.
if STARTED:
    gc.disable()
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    __path__ = [code_folder(__file__)]

# pydantic would look through all installed packages for plugins that nobody has: 25 ms each time.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
# Both report to their makers over the network unless they are told not to before they start.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
