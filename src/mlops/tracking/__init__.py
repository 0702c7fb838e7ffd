"""The run of a training: written to a journal first, and sent to MLflow from there."""

import os

# Before MLflow is imported, which reads some of it once. Nothing is sent anywhere but to the store,
# and who asks a server that is down hears so in moments: the journal tries again by itself.
for _name, _value in {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}.items():
    os.environ.setdefault(_name, _value)
