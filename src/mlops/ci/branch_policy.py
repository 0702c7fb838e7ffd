"""Show the settings that the repository on GitHub needs; with APPLY=1 make them.

Reads: .github/branch-policy.json, APPLY, GITHUB_TOKEN (administration: write), GITHUB_REPOSITORY,
    REVIEWERS (id of a team)
Writes: with APPLY=1 rulesets and environments of the repository on GitHub
"""

import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mlops.ci.github import GitHub
from mlops.core.errors import run

FILE = Path(".github/branch-policy.json")


def apply_ruleset(github: GitHub, rules: dict[str, Any], team: int | None) -> str:
    """Create or update a ruleset by its name; who may bypass it is the team, if there is one."""
    if team and "bypass_actors" in rules:
        actor = {"actor_type": "Team", "actor_id": team, "bypass_mode": "always"}
        rules = {**rules, "bypass_actors": [actor]}
    present = {one["name"]: one["id"] for one in github.pages("/rulesets")}
    if known := present.get(rules["name"]):
        github.call("PUT", f"/rulesets/{known}", rules)
    else:
        github.call("POST", "/rulesets", rules)
    return f"ruleset {rules['name']!r} {'updated' if known else 'created'}"


def apply_environment(github: GitHub, name: str, wanted: dict[str, Any], team: int | None) -> str:
    """Create or update an environment: its branches and tags alone may use it, no name: all."""
    kinds = {one: kind for kind in ("branch", "tag") for one in wanted.get(kind, [])}
    policy = {"protected_branches": False, "custom_branch_policies": True} if kinds else None
    body: dict[str, Any] = {"deployment_branch_policy": policy}
    if wanted.get("approved") and team:
        body |= {"prevent_self_review": True, "reviewers": [{"type": "Team", "id": team}]}
    path = f"/environments/{quote(name)}"
    github.call("PUT", path, body)
    if not kinds:
        return f"environment {name} for all branches"
    policies = f"{path}/deployment-branch-policies"
    known = {one["name"]: one["id"] for one in github.pages(policies, "branch_policies")}
    for one in known.keys() - kinds.keys():  # release 0.4.0 let tags into prod
        github.call("DELETE", f"{policies}/{known[one]}")
    for one in [one for one in kinds if one not in known]:
        github.call("POST", policies, {"name": one, "type": kinds[one]})
    return f"environment {name} for {', '.join(kinds)}"


def main() -> None:
    """Print the settings, or apply them where APPLY says so."""
    text = FILE.read_text(encoding="utf-8")
    if os.environ.get("APPLY", "") in ("", "0"):
        sys.stdout.write(
            f"{text}nothing was changed; to apply it, set APPLY=1, GITHUB_TOKEN and "
            "GITHUB_REPOSITORY\n"
        )
        return
    policy, github = json.loads(text), GitHub.here()
    team = int(os.environ["REVIEWERS"]) if os.environ.get("REVIEWERS") else None
    for rules in policy["rulesets"]:
        sys.stdout.write(f"{apply_ruleset(github, rules, team)}\n")
    for name, wanted in policy["environments"].items():
        sys.stdout.write(f"{apply_environment(github, name, wanted, team)}\n")
    if not team:
        sys.stdout.write("live has no reviewers: REVIEWERS=<id of a team> makes it wait for them\n")


if __name__ == "__main__":
    run(main)
