"""Compare the requests to the live version with what it answered on held-out rows.

Reads: ENV, EXP, SET, VERSION (else the live one), INPUT (else the request log of the environment),
    conf/, the environment's registry
Writes: reports/drift/<environment>.html, .json, .prom; tag `drift.<version>` of the registered
    model; rules for the Prometheus of `make watch`; exit code 0 without drift, 3 with drift, 4
    where the requests are too few
"""

import math
import os
import sys
from datetime import UTC, datetime, timedelta

from mlops.config.schema import Params
from mlops.core import terminal
from mlops.core.errors import OperateError, run
from mlops.operate import requests
from mlops.operate.drift import exposition, held, report, rows, source
from mlops.operate.drift.check import check_all
from mlops.operate.drift.result import DRIFT, NONE, TOO_FEW, Outcome
from mlops.operate.drift.rows import Rows
from mlops.operate.drift.source import Log, Window
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


def read_input(params: Params, version: Version, place: str) -> tuple[Log, list[Window]]:
    """Return the requests of INPUT that a version answered, cut up to the newest one."""
    drift = params.drift
    # A window may begin on one date and end on the next.
    days = drift.windows * math.ceil(drift.window_hours / 24) + 1
    log = source.of_version(source.read(place, days), version)
    if not log.table.num_rows:
        said = ", ".join(f"{rows:,} of {name}" for name, rows in log.left_out.items()) or "nothing"
        raise OperateError(
            f"INPUT: {place} holds no request that {version} answered, but {said}; name a "
            "version that is registered and in the log: VERSION=..."
        )
    return log, source.cut(log.table, drift)


def read_log(params: Params, version: Version) -> tuple[Log, list[Window]]:
    """Return the logged requests that a version answered, up to the last whole window."""
    if not params.request_log.enabled:
        here = params.environment
        raise OperateError(
            f"no request is logged in {here}: request_log.enabled is false. Set it in "
            f"conf/env/{here}.yaml and deploy, or name logged requests: make drift ENV={here} "
            f"INPUT=requests/{here}"
        )
    drift = params.drift
    end = source.last_end(datetime.now(UTC), drift.window_hours)
    begin = end - timedelta(hours=drift.windows * drift.window_hours)
    log = source.of_version(requests.read(params, begin, end), version)
    return log, source.cut(log.table, drift, end)


def compare(params: Params, registry: Registry, version: Version) -> tuple[Outcome, Rows]:
    """Return the outcome of the newest window, and what it was compared with."""
    drift, place = params.drift, os.environ.get("INPUT")
    log, windows = read_input(params, version, place) if place else read_log(params, version)
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
