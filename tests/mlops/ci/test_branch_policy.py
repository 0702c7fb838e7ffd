"""The settings of the repository: what they demand, and that GitHub gets them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

import github_api
from common import ROOT
from github_api import Store
from mlops.ci import branch_policy
from mlops.core import branch

POLICY: dict[str, Any] = json.loads((ROOT / branch_policy.FILE).read_text())


@pytest.fixture(name="store")
def _store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The host, and the variables that lead to it."""
    monkeypatch.chdir(ROOT)
    with github_api.running() as store:
        monkeypatch.setenv("GITHUB_TOKEN", github_api.TOKEN)
        monkeypatch.setenv("GITHUB_REPOSITORY", github_api.REPOSITORY)
        monkeypatch.setenv("GITHUB_API_URL", store.url)
        yield store


def test_settings_are_shown_and_not_made(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without APPLY nothing leaves this machine."""
    monkeypatch.setenv("APPLY", "")

    branch_policy.main()

    assert store.calls == []
    assert '"refs/heads/main"' in capsys.readouterr().out


def test_settings_are_made_and_renewed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Applying twice leaves one of each, and live waits for its reviewers."""
    monkeypatch.setenv("APPLY", "1")
    monkeypatch.setenv("REVIEWERS", "42")

    branch_policy.main()
    branch_policy.main()

    names = [rules["name"] for rules in store.lists["/rulesets"]]
    assert sorted(names) == sorted({rules["name"] for rules in POLICY["rulesets"]})
    environments = {path: body for method, path, body in store.calls if method == "PUT"}
    assert environments["/environments/live"]["reviewers"] == [{"type": "Team", "id": 42}]
    assert environments["/environments/live"]["prevent_self_review"] is True
    assert "reviewers" not in environments["/environments/prod"]
    allowed = {
        name: [
            (one["name"], one["type"])
            for one in store.lists[f"/environments/{name}/deployment-branch-policies"]
        ]
        for name in ("prod", "live", "qa", "release")
    }
    assert allowed == {
        "prod": [("main", "branch")],
        "live": [("main", "branch")],
        "qa": [("qa", "branch"), ("main", "branch")],
        "release": [("v*", "tag")],
    }
    assert environments["/environments/dev"]["deployment_branch_policy"] is None


def test_a_tag_that_an_earlier_release_let_into_prod_is_put_out(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the settings do not name goes, and what they name is made once."""
    monkeypatch.setenv("APPLY", "1")
    policies = "/environments/prod/deployment-branch-policies"
    store.lists[policies] = [
        {"id": 900, "name": "main", "type": "branch"}, {"id": 901, "name": "v*", "type": "tag"}
    ]  # fmt: skip

    branch_policy.main()

    assert [one["name"] for one in store.lists[policies]] == ["main"]


@pytest.mark.parametrize(
    ("team", "actor"), [("42", ("Team", 42)), ("", ("RepositoryRole", 5))], ids=["team", "admins"]
)
def test_few_may_make_a_tag_of_a_release(
    store: Store, monkeypatch: pytest.MonkeyPatch, team: str, actor: tuple[str, int]
) -> None:
    """It starts the workflow of its commit, reviewed or not; nobody may move or remove one."""
    monkeypatch.setenv("APPLY", "1")
    monkeypatch.setenv("REVIEWERS", team)

    branch_policy.main()

    tags = [rules for rules in store.lists["/rulesets"] if rules["target"] == "tag"]
    found = {
        rule["type"]: [
            (one["actor_type"], one["actor_id"]) for one in rules.get("bypass_actors", ())
        ]
        for rules in tags
        for rule in rules["rules"]
    }
    assert found == {"creation": [actor], "deletion": [], "update": []}
    assert {tuple(rules["conditions"]["ref_name"]["include"]) for rules in tags} == {
        ("refs/tags/v*",)
    }


def test_what_is_deployed_is_changed_by_reviewed_pull_requests() -> None:
    """Two look at what goes live, one at what goes to staging, and no push goes past them."""
    found = {}
    for rules in POLICY["rulesets"]:
        kinds = {rule["type"]: rule.get("parameters") for rule in rules["rules"]}
        if rules["target"] == "branch":
            name = rules["conditions"]["ref_name"]["include"][0].removeprefix("refs/heads/")
            found[name] = kinds["pull_request"]["required_approving_review_count"]
            assert {"non_fast_forward", "deletion", "required_status_checks"} <= set(kinds)

    assert found == {"main": 2, "qa": 1}
    assert found.keys() == branch.ENVIRONMENTS.keys()
