"""Report what a change does to the model, compared with the branch that it goes into.

Reads: params.yaml, models/, reports/, data/prepared/ (after `make train ENV=dev`), the Git
    repository, BASE (origin/qa unless set), EXP, CI_JOB_STARTED_AT
Writes: reports/review.json, reports/review.md; GITHUB_STEP_SUMMARY, where GitHub names one
"""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from mlops.ci import base, findings, markdown, preview
from mlops.ci.findings import Criterion, Curve, Findings
from mlops.config import schema
from mlops.core import branch, ci_job, outputs
from mlops.core.errors import ServingError, run
from mlops.core.names import asked_experiment
from mlops.pipeline import branch_experiment, tracked
from mlops.pipeline.compose import compose
from mlops.release.versions import bundle

TEXT = Path("reports/review.md")
HISTORY = "reports/history.json"


def minutes() -> float:
    """Return the minutes since CI's job began."""
    began = os.environ.get("CI_JOB_STARTED_AT")
    if not began:
        return 0.0
    passed = datetime.now(UTC) - datetime.fromisoformat(began.replace("Z", "+00:00"))
    return max(0.0, round(passed.total_seconds() / 60, 1))


def losses(project: Path) -> list[float]:
    """Return the validation loss after each epoch."""
    rows = base.read(project / HISTORY).get("val", [])
    return [float(row["loss"]) for row in rows][:200]


def values(project: Path) -> dict[str, Any]:
    """Return the configuration that a work tree has composed."""
    path = project / schema.PARAMS
    found: dict[str, Any] = yaml.safe_load(path.read_text("utf-8")) if path.exists() else {}
    return found


def compare(name: str, experiment: str) -> Findings:
    """Train the base, and compare the work tree with it."""
    commit = base.commit(name)
    target = branch.environment(name.removeprefix("origin/"))
    with base.work_tree(commit) as folder:
        theirs, missing = base.train(folder, experiment)
        params = compose("dev", experiment)
        bounds = compose(target, experiment).gate
        bounded = params.model_copy(update={"gate": bounds})
        checks = preview.checks(bounded, None if missing else folder)
        differ = findings.values(values(folder), values(Path()))
        return Findings(
            experiment=experiment,
            base=f"{theirs} at {name}",
            commit=base.head(),
            target=target,
            missing=missing,
            gate=[
                Criterion(name=c.criterion, passed=c.passed, found=c.found[:500], wanted=c.wanted)
                for c in checks
            ],
            figures=findings.figures(
                {} if missing else base.read(folder / bundle.METRICS), base.read(bundle.METRICS)
            ),
            values=differ[: findings.MOST],
            more_values=max(0, len(differ) - findings.MOST),
            curve=Curve(before=[] if missing else losses(folder), after=losses(Path())),
            minutes=minutes(),
            warnings=[text[:500] for text in tracked.untracked(params.data.model_dump())],
        )


def main() -> None:
    """Write the review and print it."""
    if not bundle.METRICS.exists():
        raise ServingError(f"{bundle.METRICS} is missing; run `make train ENV=dev`")
    bundle.check_environment(schema.load(), "dev")
    name = asked_experiment() or branch_experiment.selected()
    found = compare(os.environ.get("BASE") or "origin/qa", name)
    outputs.write_json(findings.FILE, json.loads(found.model_dump_json()))
    text = markdown.render(found)
    TEXT.write_text(text, encoding="utf-8")
    ci_job.show(text)
    sys.stdout.write(f"{text}\nwritten to {findings.FILE} and {TEXT}\n")


if __name__ == "__main__":
    run(main)
