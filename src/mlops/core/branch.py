"""Which environment a branch belongs to: the one place that says so.

Needs nothing that is installed, so that CI asks before it installs anything. Locally nobody asks:
the environment is `dev` unless ENV says otherwise, whatever branch is checked out.

Reads: BRANCH. Only as a variable: a branch may be called `$(rm -rf ~)`
"""

import os
import re
import sys

from mlops.core.errors import ConfigError, run

ENVIRONMENTS = {"main": "prod", "qa": "qa"}
OTHERWISE = "dev"
# What GitHub and GitLab call the merge of a pull request that does not exist yet.
_PULL_REQUEST = re.compile(r"(refs/)?(pull|merge-requests)/|\d+/merge$")


def environment(branch: str) -> str:
    """Return the environment that a push to the branch acts on."""
    if not branch or branch == "HEAD" or branch.startswith("refs/tags/"):
        raise ConfigError(
            f"BRANCH: expected the name of a branch, found {branch or 'nothing'}. "
            "Example: make env-of BRANCH=feature/x"
        )
    if _PULL_REQUEST.match(branch):
        raise ConfigError(
            f"a pull request ({branch}) has no environment and no credentials; the branch "
            "that it is merged into has"
        )
    if branch.startswith("refs/"):  # a branch may be called refs/heads/main, and is not main
        raise ConfigError(
            f"BRANCH: expected the name that `git branch` shows, found {branch}; "
            f"for example BRANCH={branch.rpartition('/')[2]}"
        )
    return ENVIRONMENTS.get(branch, OTHERWISE)


def main() -> None:
    """Print the environment of a branch."""
    sys.stdout.write(f"{environment(os.environ.get('BRANCH', ''))}\n")


if __name__ == "__main__":
    run(main)
