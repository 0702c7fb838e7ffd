"""Bring the runs that were recorded here to the MLflow server that is to have them.

Reads: .runs/<ENV>/, MLFLOW_TRACKING_URI
Writes: that server's runs; .runs/<ENV>/, from which goes what has arrived
"""

import sys

from mlops.core.environment import asked
from mlops.core.errors import TrackingError, run
from mlops.tracking import syncing
from mlops.tracking.syncing import Outcome


def told(environment: str, outcome: Outcome) -> list[str]:
    """Return what was done, a line each."""
    lines = [f"{outcome.brought} runs of {environment} brought to MLflow"]
    if outcome.busy:
        lines.append(f"{outcome.busy} runs are being recorded: their own process sends them")
    return lines


def main() -> None:
    """Bring what is missing; what is left over ends with an error."""
    environment = asked()
    outcome = syncing.bring(environment)
    sys.stdout.write("\n".join([*told(environment, outcome), ""]))
    for place, runs in outcome.waiting.items():
        where = f"to {place}" if place else "to the server that is to have them"
        raise TrackingError(f"{runs} runs wait: MLFLOW_TRACKING_URI should lead {where}; set it")
    if outcome.refused:
        raise TrackingError(
            f"MLflow should take all runs, but refuses {'; '.join(outcome.refused)}; mend that, or "
            f"remove the folder of that name in .runs/{environment} to give the rest of it up"
        )


if __name__ == "__main__":
    run(main)
