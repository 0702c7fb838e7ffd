"""Post what came out of a push: metrics, verdict, load; and which version to deploy.

Reads: reports/metrics.json, reports/gate.json, reports/load_test.json,
    reports/load_sweep.json, those that are there
Writes: reports/ci.md, reports/ci.env (VERSION=n); the page of the job and its output `version`
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlops.ci.base import read
from mlops.ci.markdown import FIRST, cell
from mlops.client import load_table, load_test
from mlops.core import ci_job
from mlops.core.errors import GateError
from mlops.release.versions import bundle

GATE = Path("reports/gate.json")
TEXT, VARIABLES = Path("reports/ci.md"), Path("reports/ci.env")


def version(gate: dict[str, Any]) -> str:
    """Return the number of the version that the gate accepted."""
    if gate["verdict"] != "accepted":
        raise GateError(
            f"{gate['challenger']} is {gate['verdict']} ({GATE}); nothing may be deployed"
        )
    return str(gate["challenger"]).rsplit(" ", 1)[1]


def lines(
    metrics: dict[str, Any], gate: dict[str, Any], load: dict[str, Any], sweep: dict[str, Any]
) -> Iterator[str]:
    """Yield Markdown."""
    if metrics:
        figures = [f"{name} {metrics[name]:.4f}" for name in FIRST if name in metrics]
        yield f"**Test split**: {', '.join(figures)}\n"
    if gate:
        against = f"against {gate['champion']}" if gate["champion"] else "the first of its name"
        yield f"**Gate**: {cell(gate['challenger'])} is {gate['verdict']}, {cell(against)}\n"
        yield from _checks(gate["checks"])
    if load:
        wanted = load["objective"]
        done = "holds" if load["passed"] else "misses" if load["valid"] else "inconclusive:"
        yield f"**Load**: {done} its objective at {wanted['rate']}/s for {wanted['seconds']} s\n"
        if not load["valid"]:
            yield f"{cell(load['conclusion'])}\n"
        yield from _checks(load["checks"])
    if sweep:
        yield from load_table.markdown(sweep)


def _checks(checks: list[dict[str, Any]]) -> Iterator[str]:
    yield "| | criterion | found | wanted |\n|---|---|---|---|"
    for check in checks:
        cells = (cell(str(check[name])) for name in ("criterion", "found", "wanted"))
        yield f"| {'ok' if check['passed'] else '**NO**'} | {' | '.join(cells)} |"
    yield ""


def main() -> None:
    """Write what is known."""
    gate = read(GATE)
    reports = (bundle.METRICS, load_test.REPORT, load_table.REPORT)
    metrics, load, sweep = map(read, reports)
    text = "\n".join(lines(metrics, gate, load, sweep)) or "no reports"
    TEXT.parent.mkdir(exist_ok=True)
    TEXT.write_text(f"{text}\n", encoding="utf-8")
    ci_job.show(text)
    VARIABLES.write_text("", encoding="utf-8")
    if gate:
        number = version(gate)
        ci_job.hand_on("version", number)
        VARIABLES.write_text(f"VERSION={number}\n", encoding="utf-8")
    sys.stdout.write(f"{text}\n")
