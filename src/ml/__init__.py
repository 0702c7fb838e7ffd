"""A text classifier, stage by stage: compose, ingest, prepare, train, evaluate, export."""

import gc
import os
import sys

# The imports of a stage (`python -m ml.train`) make a million objects that live to its end: looking
# for garbage among them takes a third of the time. `ml.errors.run` turns the collector on again.
if sys.argv[0] == "-m":
    gc.disable()

# Both report to their makers over the network unless they are told not to before they start.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
