"""Open an issue about requests that have drifted, with what to do; while it is open, add to it.

It names statistics and no word of any request: those are in the report, which the run keeps.

Reads: ENV, reports/drift/<environment>.json, GITHUB_TOKEN, GITHUB_REPOSITORY, GITHUB_RUN_ID,
    GITHUB_SERVER_URL
Writes: the page of the job; where it is drift, the issue
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlops.ci import failure
from mlops.ci.base import read
from mlops.ci.github import GitHub
from mlops.ci.markdown import cell, code
from mlops.core import ci_job
from mlops.core.errors import HostError

FOLDER = Path("reports/drift")
DRIFT = "drift"


def lines(found: dict[str, Any]) -> Iterator[str]:
    """Yield the outcome as Markdown."""
    window = found["window"]
    version, sentence = cell(found["version"]), cell(found["sentence"])
    yield f"**{version} in {cell(found['environment'])}**: {sentence}."
    yield ""
    yield f"{found['rows']:,} texts from {cell(window['start'])} to {cell(window['end'])}."
    if found["statistics"]:
        yield ""
        yield "| statistic | distance | at least | bound | windows in a row |"
        yield "|---|---|---|---|---|"
    for name, one in found["statistics"].items():
        figures = (f"{one[key]:.3f}" for key in ("distance", "low", "max"))
        yield f"| {cell(name)} | {' | '.join(figures)} | {one['windows']} |"
    for name, why in found["unavailable"].items():
        yield f"\n{cell(name)} is not available: {cell(why)}."


def advice(environment: str, server: str, repository: str, run: str) -> Iterator[str]:
    """Yield where the report is, and how to train again."""
    actions = f"{server}/{repository}/actions"
    yield ""
    yield f"- **[Report]({actions}/runs/{run}#artifacts)** with pictures and the words that moved."
    yield (
        f"- **[Train again]({actions}/workflows/main.yml)**: *Run workflow* on `main` trains on "
        "the data of today; the gate decides, and a person lets it go live."
    )
    yield f"- By hand: {code(f'make train ENV={environment} REFRESH=1')}"
    yield ""
    yield "Drift says that the requests are different, not that the answers are worse: label some."


def main() -> None:
    """Show what was found; open the issue where it is drift."""
    environment = os.environ.get("ENV") or "dev"
    path = FOLDER / f"{environment}.json"
    found = read(path)
    if not found:
        raise HostError(
            f"{path} is missing: the check has failed; run make drift ENV={environment}"
        )
    text = "\n".join(lines(found))
    ci_job.show(text)
    sys.stdout.write(f"{text}\n")
    if found["verdict"] == DRIFT:
        github = GitHub.here()
        server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
        run = os.environ.get("GITHUB_RUN_ID", "")
        more = "\n".join(advice(environment, server, github.repository, run))
        done = failure.report(github, f"Drift in {environment}", f"{text}\n{more}\n")
        sys.stdout.write(f"{done}\n")
