"""The workflows: the same verbs on both hosts, the right ones for each event, and nothing loose."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import workflows
from commands_page import words_of_make
from common import ROOT
from mlops.ci import branch_policy
from mlops.core import branch
from workflows import EVENTS, GITHUB, Event

# The job of each workflow that waits for its others; the second one is the template's alone.
CHECKS = {
    "pull-request.yml": "all checks passed",
    "template.yml": "the machinery's checks passed",
}
POLICY: dict[str, Any] = json.loads((ROOT / branch_policy.FILE).read_text())
ALL_VERBS = set(words_of_make("Makefile", "template.mk"))
# What one host needs to be told, and the other does by itself.
HOST_ONLY = (
    "tell WHAT=comment", "tell WHAT=release", "tell WHAT=failure", "tell WHAT=drift",
)  # fmt: skip
RELEASES = ("qa", "main", "tag")


def jobs() -> list[Any]:
    """Return each job of each workflow of GitHub."""
    return [
        pytest.param(job, id=f"{path.stem}-{name}")
        for path in GITHUB
        for name, job in workflows.load(path)["jobs"].items()
    ]


def same(words: list[str]) -> list[str]:
    """Return verbs without what differs between the hosts by nature."""
    plain = [re.sub(r" BASE=\S+", "", word) for word in words]
    return [word for word in plain if word not in HOST_ONLY]


@pytest.mark.parametrize("name", EVENTS)
def test_both_hosts_run_the_same_verbs_in_the_same_order(name: str) -> None:
    """For the same event, with the same words."""
    event = EVENTS[name]

    assert same(workflows.github(event)) != []
    assert same(workflows.github(event)) == same(workflows.gitlab(event))


@pytest.mark.parametrize("name", EVENTS)
def test_each_verb_is_the_makefiles(name: str) -> None:
    """What CI runs, a person can type."""
    for words in (*workflows.github(EVENTS[name]), *workflows.gitlab(EVENTS[name])):
        assert words.split()[0] in ALL_VERBS, words


@pytest.mark.parametrize("name", ["main", "qa", "dev", "feature/x", "qa/x", "maintenance"])
def test_a_push_does_what_belongs_to_the_environment_of_its_branch(name: str) -> None:
    """The triggers of both hosts agree with the one mapping."""
    expected = {"prod": "main", "qa": "qa", "dev": "dev"}[branch.environment(name)]

    assert workflows.github(Event("push", branch=name)) == workflows.github(EVENTS[expected])
    assert workflows.gitlab(Event("push", branch=name)) == workflows.gitlab(EVENTS[expected])


def test_only_qa_and_main_deploy() -> None:
    """And each judges before it packages, and deploys last."""
    for name, event in EVENTS.items():
        verbs = [words.split()[0] for words in workflows.github(event)]
        assert ("deploy" in verbs) == (name in ("qa", "main")), name
        if "deploy" in verbs:
            order = [
                "train", "push", "register", "gate", "package", "sign", "check-signature", "deploy",
            ]  # fmt: skip
            assert [verb for verb in verbs if verb in order] == order


def test_main_trains_on_the_data_of_today_and_qa_is_loaded() -> None:
    """What differs between the two."""
    qa, main = workflows.github(EVENTS["qa"]), workflows.github(EVENTS["main"])

    assert "train SHARE=1 REFRESH=1" in main
    assert "train SHARE=1" in qa
    assert qa.index("load-test") > qa.index("deploy")


def test_a_pull_request_gets_nobody() -> None:
    """No environment, no secret, no role, no token that may write: a fork's passes too."""
    text = (ROOT / ".github" / "workflows" / "pull-request.yml").read_text()

    assert not re.search(r"secrets\.|environment:|id-token|: write|role:|branch:", text)
    for name, job in workflows.gitlab_jobs().items():
        if any(workflows.holds(rule, EVENTS["pull request"]) for rule in job["rules"]):
            assert not {"environment", "id_tokens", "secrets"} & set(job), name


def test_the_required_check_waits_for_all_others() -> None:
    """A job that is added to the pull request cannot be forgotten."""
    for name, check in CHECKS.items():
        found = workflows.load(ROOT / ".github" / "workflows" / name)["jobs"]
        required = found.pop("required")

        assert required["name"] == check
        assert required["if"] == "always()"
        assert set(required["needs"]) == set(found)


@pytest.mark.parametrize("job", jobs())
def test_a_job_ends_and_may_only_what_it_needs(job: dict[str, Any]) -> None:
    """It has a timeout, and permissions of its own."""
    assert 0 < job["timeout-minutes"] <= 360
    assert isinstance(job["permissions"], dict)


def test_a_job_of_gitlab_ends() -> None:
    """By its own timeout or the default one."""
    assert workflows.load(workflows.GITLAB)["default"]["timeout"]
    for name, job in workflows.gitlab_jobs().items():
        # A job that may be deploying is never cancelled for a younger push.
        if any(workflows.holds(rule, EVENTS[e]) for rule in job["rules"] for e in RELEASES):
            assert not job.get("interruptible"), name
            assert name == "publish" or job["resource_group"], name


@pytest.mark.parametrize("path", GITHUB, ids=lambda path: path.stem)
def test_a_workflow_may_nothing_by_default(path: Path) -> None:
    """Permissions are given to jobs, the dangerous trigger is never used."""
    found = workflows.load(path)

    assert found["permissions"] == {}
    assert "pull_request_target" not in path.read_text()
    assert found["concurrency"]["group"]


@pytest.mark.parametrize("name", RELEASES)
def test_a_deployment_waits_and_is_never_cancelled(name: str) -> None:
    """Also the one that waits is not thrown away for a younger one."""
    found = workflows.load(ROOT / ".github" / "workflows" / f"{name}.yml")["concurrency"]

    assert found["cancel-in-progress"] is False
    assert found["queue"] == "max"


def test_a_release_waits_for_the_model_of_main() -> None:
    """A tag is pushed together with main: it stands in the same queue."""
    groups = [
        workflows.load(ROOT / ".github" / "workflows" / f"{name}.yml")["concurrency"]["group"]
        for name in ("main", "tag")
    ]

    assert groups[0] == groups[1]


def test_the_comment_runs_no_code_of_the_pull_request() -> None:
    """It may write, so it checks out the default branch and nothing else."""
    job = workflows.load(ROOT / ".github" / "workflows" / "comment.yml")["jobs"]["comment"]
    checkouts = [s["with"] for s in job["steps"] if "checkout" in s.get("uses", "")]

    assert checkouts
    assert all("ref" not in one and "repository" not in one for one in checkouts)
    assert [step["run"] for step in job["steps"] if "run" in step] == ["make tell WHAT=comment"]


def test_actions_are_pinned_by_commit() -> None:
    """A tag can be moved, a commit cannot; the actions of this repository need no pin."""
    folder = ROOT / ".github"
    for path in (*GITHUB, *folder.glob("actions/*/action.yml")):
        for used in re.findall(r"uses: (\S+)", path.read_text()):
            own = used.startswith("$/.github/actions/") and (ROOT / used[2:]).is_dir()
            assert own or re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", used), used


def test_checkouts_keep_no_token() -> None:
    """What runs later in the job cannot push with it."""
    for path in GITHUB:
        for job in workflows.load(path)["jobs"].values():
            for step in job["steps"]:
                if "actions/checkout" in step.get("uses", ""):
                    assert step["with"]["persist-credentials"] is False, path


def test_the_gate_lints_ci() -> None:
    """`.ci/run` calls verbs of the Makefile, those that a pull request runs among them."""
    script = (ROOT / ".ci" / "run").read_text()
    lines = re.findall(r"^ *(?:make|two_at_a_time) ([a-z0-9 -]+)", script, re.M)
    called = [word for line in lines for word in line.split() if not word.startswith("-")]
    # `audit` asks an advisory service, which not every machine reaches.
    wanted = set(workflows.github(EVENTS["pull request"])) - {"audit", "train", "review"}

    assert set(called) <= ALL_VERBS
    assert wanted <= set(called)


def test_what_the_settings_name_exists() -> None:
    """Each environment of a workflow is one of the settings."""
    used = {
        job["environment"]
        for path in GITHUB
        for job in workflows.load(path)["jobs"].values()
        if "environment" in job and "${{" not in job["environment"]
    }

    demanded = {
        check["context"]
        for rules in POLICY["rulesets"]
        for rule in rules["rules"]
        for check in rule.get("parameters", {}).get("required_status_checks", ())
    }
    assert demanded == set(CHECKS.values())
    assert used == set(POLICY["environments"])


def test_a_tag_gets_nothing_of_prod() -> None:
    """Its commit may be nobody's: it is looked for on main before anything with credentials."""
    job = workflows.load(ROOT / ".github" / "workflows" / "tag.yml")["jobs"]["release"]
    there = workflows.gitlab_jobs()["tag"]
    steps = [str(step) for step in job["steps"]]
    look = [n for n, step in enumerate(steps) if "merge-base --is-ancestor" in step]
    prepare = [n for n, step in enumerate(steps) if "/prepare" in step]
    before = there["before_script"]

    assert job["environment"] == there["environment"]["name"] == "release"
    assert look < prepare
    assert "merge-base --is-ancestor" in before[1]
    assert before.index(". .gitlab/prepare.sh") > 1
    tagged = [name for name, refs in POLICY["environments"].items() if "tag" in refs]
    assert tagged == ["release"]


@pytest.mark.parametrize("name", ["qa", "prod"])
def test_retention_may_use_each_environment(name: str) -> None:
    """A schedule runs on the default branch."""
    assert "main" in POLICY["environments"][name]["branch"]


def test_every_configuration_is_validated_on_a_pull_request() -> None:
    """Nothing sets EXP in that job, which would validate one experiment alone."""
    found = workflows.load(ROOT / ".github" / "workflows" / "pull-request.yml")["jobs"]["validate"]

    assert "prepare" not in str(found["steps"])
    assert "before_script" not in workflows.gitlab_jobs()["validate"]


def test_both_hosts_ask_the_same_of_a_person() -> None:
    """One text, where each host looks for it."""
    here = ROOT / ".github" / "pull_request_template.md"
    there = ROOT / ".gitlab" / "merge_request_templates" / "Default.md"

    assert here.read_text() == there.read_text()
