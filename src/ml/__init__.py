"""A text classifier, stage by stage: compose, ingest, prepare, train, evaluate, export."""

import os

# Both report to their makers over the network unless they are told not to before they start.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
