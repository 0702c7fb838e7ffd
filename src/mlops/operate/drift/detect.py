"""Compare the requests to the live version with what it answered on held-out rows.

Reads: ENV, EXP, SET, VERSION (else the live one), INPUT (logged requests), conf/, the environment's
    registry
Writes: reports/drift/<environment>.html, .json, .prom; tag `drift.<version>` of the registered
    model; rules for the Prometheus of `make watch`; exit code 0 without drift, 3 with drift, 4
    where the requests are too few
"""

import math
import os
import sys

from mlops.config.schema import Params
from mlops.core import terminal
from mlops.core.errors import OperateError, run
from mlops.operate.drift import exposition, held, report, rows, source
from mlops.operate.drift.check import check_all
from mlops.operate.drift.result import DRIFT, NONE, TOO_FEW, Outcome
from mlops.operate.drift.rows import Rows
from mlops.operate.monitoring import drift_rules
from mlops.pipeline.compose import asked
from mlops.release import reference
from mlops.release.versions import selection
from mlops.release.versions.registry import CHAMPION, Registry, Version

CODES = {NONE: 0, DRIFT: 3, TOO_FEW: 4}


def find_version(registry: Registry, params: Params, number: str | None) -> Version:
    """Return the version that is asked for, else the live one."""
    version = None if number else registry.alias(CHAMPION)
    if not number and version is None:
        raise OperateError(
            f"no version of {registry.name} is live in {params.environment}; deploy one, or name "
            f"a registered one: make drift ENV={params.environment} VERSION=1"
        )
    return version or selection.select(registry, params, number)


def read_log(params: Params, version: Version) -> source.Log:
    """Return the requests that a version answered, and how many others there are."""
    place, here = os.environ.get("INPUT"), params.environment
    if not place:
        raise OperateError(
            "INPUT: expected a file, a folder or a URL of logged requests; type "
            f"make drift ENV={here} INPUT=requests/{here}"
        )
    drift = params.drift
    # A window may begin on one date and end on the next.
    days = drift.windows * math.ceil(drift.window_hours / 24) + 1
    return source.of_version(source.read(place, days), version)


def compare(params: Params, registry: Registry, version: Version) -> tuple[Outcome, Rows]:
    """Return the outcome of the newest window, and what it was compared with."""
    drift = params.drift
    log = read_log(params, version)
    windows = source.cut(log.table, drift.window_hours, drift.windows)
    before = rows.from_table(reference.read(registry, version))
    newest, exceeded = check_all(windows, before, drift, held.read(registry, version))
    held.write(registry, version, exceeded)
    lasting = held.held(exceeded, newest.start, drift)
    outcome = Outcome(
        params.environment, str(version), newest, lasting, drift.windows, log.left_out
    )
    return outcome, before


def main() -> None:
    """Compare the last window, write the report, and say by the exit code what was found."""
    params = asked()
    report.remove(params.environment)
    registry = Registry(params)
    version = find_version(registry, params, os.environ.get("VERSION"))
    outcome, before = compare(params, registry, version)
    report.write(outcome, before)
    sys.stdout.write("".join(f"{terminal.mark(line)}\n" for line in report.lines(outcome)))
    if params.deploy.target == "podman" and not os.environ.get("VERSION"):  # of what is live
        said = drift_rules.hand_over(params, exposition.text(outcome).decode())
        sys.stdout.write(f"{said}\n")
    if code := CODES[outcome.verdict]:
        sys.exit(code)


if __name__ == "__main__":
    run(main)
