"""What the workflows of GitHub and GitLab do, read from their files: events, jobs, verbs."""

import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from common import ROOT

GITHUB = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
GITLAB = ROOT / ".gitlab-ci.yml"
INCLUDED = ROOT / ".gitlab" / "template.yml"
VERB = re.compile(r"^make (.+)$", re.M)


@dataclass(frozen=True)
class Event:
    """Something that starts CI: a push to a branch, a tag, a pull request, a schedule."""

    source: str  # push, merge_request_event, schedule
    branch: str = ""
    tag: str = ""
    schedule: str = ""


EVENTS = {
    "pull request": Event("merge_request_event"),
    "feature": Event("push", branch="feature/x"),
    "dev": Event("push", branch="dev"),
    "qa": Event("push", branch="qa"),
    "main": Event("push", branch="main"),
    "tag": Event("push", tag="v1.0"),
    "retention": Event("schedule", schedule="retention"),
    "drift": Event("schedule", schedule="drift"),
    "nightly": Event("schedule", schedule="nightly"),
    "newest": Event("schedule", schedule="newest"),
}


def load(path: Path) -> dict[str, Any]:
    """Read a workflow; YAML 1.1 takes `on` for a truth value."""
    found: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {("on" if key is True else str(key)): value for key, value in found.items()}


def verbs(script: str, matrix: dict[str, list[Any]]) -> list[str]:
    """Return what `make` is called with, once for each combination of a matrix."""
    names = list(matrix)
    found = []
    for values in itertools.product(*matrix.values()):
        text = script
        for name, value in zip(names, values, strict=True):
            text = re.sub(rf'"?\$\{{?{name}\}}?"?', str(value), text)
        found += VERB.findall(text)
    return found


def starts(on: Any, event: Event, name: str) -> bool:
    """Tell whether GitHub runs a workflow for an event."""
    on = {on: None} if isinstance(on, str) else on
    if event.source == "merge_request_event":
        return "pull_request" in on
    if event.source == "schedule":
        return "schedule" in on and name == event.schedule
    push = on.get("push")
    if push is None:
        return False
    if event.tag:
        # branches-ignore alone lets no tag start a workflow, as branches alone does not.
        return any(event.tag.startswith(tag.rstrip("*")) for tag in push.get("tags", []))
    if "branches" in push:
        return event.branch in push["branches"]
    return "branches-ignore" in push and event.branch not in push["branches-ignore"]


def github(event: Event) -> list[str]:
    """Return the verbs that GitHub runs for an event, in the order of jobs and steps."""
    found = []
    for path in GITHUB:
        workflow = load(path)
        if starts(workflow["on"], event, path.stem):
            # GitLab lends no other systems and processors to each project.
            jobs = workflow["jobs"]
            for job in ordered(jobs):
                found += [] if job is jobs.get("machines") else job_verbs(job)
    return found


def job_verbs(job: dict[str, Any]) -> list[str]:
    """Return the verbs of a job of GitHub."""
    matrix = job.get("strategy", {}).get("matrix", {})
    include = matrix.get("include", [{}])
    names = {name.upper(): value for name, value in matrix.items() if name != "include"}
    return [
        verb
        for _combination in include
        for step in job["steps"]
        for verb in verbs(step.get("run", ""), names)
    ]


def ordered(jobs: dict[str, Any]) -> list[dict[str, Any]]:
    """Return jobs so that each comes after those that it needs."""
    done: dict[str, Any] = {}
    while len(done) < len(jobs):
        for name, job in jobs.items():
            if name not in done and set(job.get("needs", [])) <= set(done):
                done[name] = job
    return list(done.values())


def gitlab_jobs() -> dict[str, dict[str, Any]]:
    """Return GitLab's jobs with what they extend."""
    found = {**load(GITLAB), **load(INCLUDED)}
    jobs = {
        name: value
        for name, value in found.items()
        if isinstance(value, dict) and (name.startswith(".") or {"script", "extends"} & set(value))
    }

    def whole(job: dict[str, Any]) -> dict[str, Any]:
        return {**(whole(jobs[job["extends"]]) if "extends" in job else {}), **job}

    return {name: whole(job) for name, job in jobs.items() if not name.startswith(".")}


def gitlab(event: Event) -> list[str]:
    """Return the verbs that GitLab runs for an event, stage by stage."""
    stages = load(GITLAB)["stages"]
    wanted = [job for job in gitlab_jobs().values() if any(holds(r, event) for r in job["rules"])]
    found = []
    for job in sorted(wanted, key=lambda one: stages.index(one["stage"])):
        lists = job.get("parallel", {}).get("matrix", [{}])
        for values in lists:
            names = {k: v if isinstance(v, list) else [v] for k, v in values.items()}
            found += verbs("\n".join(job["script"]), names)
    return found


def holds(rule: dict[str, Any], event: Event) -> bool:
    """Tell whether a rule of GitLab is met: comparisons joined by `&&`, and nothing else."""
    known = {
        "CI_PIPELINE_SOURCE": event.source,
        "CI_COMMIT_BRANCH": event.branch,
        "CI_COMMIT_TAG": event.tag,
        "SCHEDULE": event.schedule,
    }
    results = []
    for part in rule["if"].split(" && "):
        found = re.fullmatch(r'\$(\w+)(?: (==|!=|=~) (?:"([^"]*)"|/(.*)/))?', part)
        assert found, part
        value, sign, text, pattern = known[found[1]], found[2], found[3], found[4]
        if sign is None:
            results.append(bool(value))
        elif sign == "=~":
            results.append(re.search(pattern, value) is not None)
        else:
            results.append((value == text) is (sign == "=="))
    return all(results)
