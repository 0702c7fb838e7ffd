"""The settings of the repository that the flow needs: told, and made where APPLY=1 says so.

Reads: APPLY, GITHUB_TOKEN (administration: write), GITHUB_REPOSITORY, REVIEWERS (id of a team)
Writes: with APPLY=1 rulesets and environments of the repository on GitHub
"""

import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mlops.ci.github import GitHub
from mlops.core import branch
from mlops.core.errors import run

# The job of each workflow that waits for its others; the second one is the template's alone.
CHECKS = {
    "pull-request.yml": "all checks passed",
    "template.yml": "the machinery's checks passed",
}
WORKFLOWS = Path(".github/workflows")
# Environments of GitHub: what trains in an environment, and what deploys to it.
ENDPOINTS = {"qa": "staging", "prod": "live"}
APPROVED = ("live",)
TAGS = "v*"
ADMINISTRATORS = {"actor_type": "RepositoryRole", "actor_id": 5}  # by GitHub's numbers of roles


def ruleset(name: str, reviews: int) -> dict[str, Any]:
    """Return the rules of a branch: only through a reviewed and checked pull request, by merge."""
    pull_request = {
        "required_approving_review_count": reviews,
        "require_code_owner_review": True,
        "dismiss_stale_reviews_on_push": True,
        "require_last_push_approval": True,
        "required_review_thread_resolution": True,
        "allowed_merge_methods": ["merge"],  # as `git merge --no-ff`: the history tells what came
    }
    checks = {
        "strict_required_status_checks_policy": True,
        "required_status_checks": [
            {"context": job} for name, job in CHECKS.items() if (WORKFLOWS / name).is_file()
        ],
    }
    return {
        "name": f"{name} is changed by pull request",
        "target": "branch",
        "enforcement": "active",
        "conditions": {"ref_name": {"include": [f"refs/heads/{name}"], "exclude": []}},
        "rules": [
            {"type": "deletion"},
            {"type": "non_fast_forward"},
            {"type": "pull_request", "parameters": pull_request},
            {"type": "required_status_checks", "parameters": checks},
        ],
    }


def tags(team: int | None) -> list[dict[str, Any]]:
    """Return the rules of released tags: they stay what they are, and few people make them.

    A tag starts the workflow that lies in its commit, reviewed or not. Who may make one is `team`,
    or whoever administers the repository.
    """
    kind = {"actor_type": "Team", "actor_id": team} if team else ADMINISTRATORS
    common = {
        "target": "tag",
        "enforcement": "active",
        "conditions": {"ref_name": {"include": [f"refs/tags/{TAGS}"], "exclude": []}},
    }
    return [
        {
            "name": "released tags stay",
            **common,
            "rules": [{"type": "deletion"}, {"type": "update"}],
        },
        {
            "name": "releases are tagged by those who may",
            **common,
            "rules": [{"type": "creation"}],
            "bypass_actors": [{**kind, "bypass_mode": "always"}],
        },
    ]


def rulesets(team: int | None = None) -> list[dict[str, Any]]:
    """Return all rulesets: two people look at what goes live, one at what goes to staging."""
    wanted = {name: 2 if env == "prod" else 1 for name, env in branch.ENVIRONMENTS.items()}
    return [*(ruleset(name, reviews) for name, reviews in wanted.items()), *tags(team)]


def gitlab() -> dict[str, Any]:
    """Return what the flow needs of GitLab, where it is set by hand."""
    return {
        "protected branches": [*branch.ENVIRONMENTS, "dev"],
        "protected tags": {TAGS: "created by maintainers"},
        "protected environments": {
            name: branches or ["all"]
            for name, branches in environments().items()
            if name != branch.OTHERWISE
        },
        "variables": "of one environment each, and protected: no other branch or tag gets them",
    }


def environments() -> dict[str, list[str] | None]:
    """Return each environment of GitHub and the branches that may use it; None: all of them.

    No tag gets the credentials of `prod`: `release` has some of its own, which only read.
    """
    found: dict[str, list[str] | None] = {branch.OTHERWISE: None}
    for name, environment in branch.ENVIRONMENTS.items():
        found[environment] = [name]
        found[ENDPOINTS[environment]] = [name]
    found["qa"] = ["qa", "main"]  # retention is scheduled, so runs on the default branch
    return found | {"release": [TAGS]}


def apply(github: GitHub, reviewer: int | None) -> list[str]:
    """Make the settings; return what was done."""
    present = {one["name"]: one["id"] for one in github.pages("/rulesets")}
    done = []
    for rules in rulesets(reviewer):
        known = present.get(rules["name"])
        method, path = ("PUT", f"/rulesets/{known}") if known else ("POST", "/rulesets")
        github.call(method, path, rules)
        done.append(f"ruleset {rules['name']!r} {'renewed' if known else 'made'}")
    for name, branches in environments().items():
        done.append(environment(github, name, branches, reviewer))
    return done


def environment(github: GitHub, name: str, branches: list[str] | None, reviewer: int | None) -> str:
    """Make an environment that only its branches may use, with an approval where it is live."""
    body: dict[str, Any] = {"deployment_branch_policy": None}
    if branches:
        body = {
            "deployment_branch_policy": {
                "protected_branches": False, "custom_branch_policies": True
            }
        }  # fmt: skip
    if name in APPROVED and reviewer:
        body |= {"prevent_self_review": True, "reviewers": [{"type": "Team", "id": reviewer}]}
    path = f"/environments/{quote(name)}"
    github.call("PUT", path, body)
    policies = f"{path}/deployment-branch-policies"
    if not branches:
        return f"environment {name} for all branches"
    known = {one["name"]: one["id"] for one in github.pages(policies, "branch_policies")}
    for one in known.keys() - set(branches):  # release 0.4.0 let tags into prod
        github.call("DELETE", f"{policies}/{known[one]}")
    for one in [one for one in branches if one not in known]:
        kind = "tag" if one == TAGS else "branch"
        github.call("POST", policies, {"name": one, "type": kind})
    return f"environment {name} for {', '.join(branches)}"


def main() -> None:
    """Print the settings, and make them where that was asked for."""
    told = {
        "rulesets": rulesets(), "environments": environments(), "approval": list(APPROVED),
        "on GitLab": gitlab(),
    }  # fmt: skip
    if os.environ.get("APPLY", "") in ("", "0"):
        sys.stdout.write(f"{json.dumps(told, indent=2)}\n")
        sys.stdout.write(
            "nothing was changed; APPLY=1 with GITHUB_TOKEN and GITHUB_REPOSITORY does\n"
        )
        return
    reviewer = os.environ.get("REVIEWERS")
    done = apply(GitHub.here(), int(reviewer) if reviewer else None)
    sys.stdout.write("\n".join([*done, ""]))
    if not reviewer:
        sys.stdout.write("live has no reviewers: REVIEWERS=<id of a team> makes it wait for them\n")


if __name__ == "__main__":
    run(main)
