"""Keep one comment on a pull request with what `make review` found.

It runs with a token that may write, so it runs no code of the pull request: it takes the findings
as values, checks them and renders them itself.

Reads: reports/review.json, GITHUB_TOKEN, GITHUB_REPOSITORY, and of the run that made it RUN_ID and
    HEAD_SHA
Writes: the comment
"""

import os
import sys
from datetime import datetime
from typing import Any

from mlops.ci import findings, markdown
from mlops.ci.github import GitHub
from mlops.core.errors import HostError


def find_pull_request(github: GitHub, sha: str) -> int:
    """Return the open pull request whose last commit this is; the artifact is not asked."""
    found = [
        one
        for one in github.pages("/pulls?state=open")
        if one["head"]["sha"] == sha and one["base"]["repo"]["full_name"] == github.repository
    ]
    if not found:
        raise HostError(
            f"no open pull request has {sha[:12]} as its last commit; it was closed, or a newer "
            "commit was pushed, whose own run will comment"
        )
    return int(found[0]["number"])


def minutes(github: GitHub, run_id: str) -> float:
    """Return what all jobs of a run took together."""
    jobs = github.pages(f"/actions/runs/{int(run_id)}/jobs", key="jobs")
    spans = [(job["started_at"], job["completed_at"]) for job in jobs]
    whole = [(_time(start), _time(end)) for start, end in spans if start and end]
    return sum((end - start).total_seconds() for start, end in whole) / 60


def post(github: GitHub, pull: int, text: str) -> str:
    """Write the comment, or write it anew; return what was done."""
    for comment in github.pages(f"/issues/{pull}/comments"):
        if comment["user"]["type"] == "Bot" and comment["body"].startswith(markdown.MARK):
            github.call("PATCH", f"/issues/comments/{comment['id']}", {"body": text})
            return "updated"
    github.call("POST", f"/issues/{pull}/comments", {"body": text})
    return "written"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def main() -> None:
    """Comment on the pull request of a finished run."""
    github = GitHub.here()
    wanted: dict[str, Any] = {name: os.environ.get(name) for name in ("RUN_ID", "HEAD_SHA")}
    if lacking := [name for name, value in wanted.items() if not value]:
        raise HostError(
            f"{' and '.join(lacking)} not set; expected those of the run that made the review"
        )
    found = findings.read()
    pull = find_pull_request(github, wanted["HEAD_SHA"])
    done = post(github, pull, markdown.render(found, minutes(github, wanted["RUN_ID"])))
    sys.stdout.write(f"comment on pull request {pull} {done}\n")
