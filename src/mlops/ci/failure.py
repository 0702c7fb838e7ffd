"""Open an issue about a run of CI that nobody looks at; while it is open, add to it.

Reads: TITLE, GITHUB_TOKEN, GITHUB_REPOSITORY, GITHUB_RUN_ID, GITHUB_SERVER_URL
Writes: the issue
"""

import os
import sys

from mlops.ci.github import GitHub
from mlops.core.errors import HostError


def report(github: GitHub, title: str, text: str) -> str:
    """Return what was done."""
    for issue in github.pages("/issues?state=open"):
        if issue["title"] == title and "pull_request" not in issue:
            github.call("POST", f"/issues/{issue['number']}/comments", {"body": text})
            return f"added to issue {issue['number']}"
    made = github.call("POST", "/issues", {"title": title, "body": text})
    return f"issue {made['number']} opened"


def main() -> None:
    """Report the failed run."""
    title = os.environ.get("TITLE", "")
    if not title:
        raise HostError(
            'TITLE is missing. Example: make tell WHAT=failure TITLE="The nightly run fails"'
        )
    github = GitHub.here()
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    place = f"{server}/{github.repository}/actions/runs/{os.environ.get('GITHUB_RUN_ID', '')}"
    sys.stdout.write(f"{report(github, title, f'This run failed: {place}')}\n")
