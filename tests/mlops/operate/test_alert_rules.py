"""Each alert fires when it must and is silent else, by promtool. Integration."""

import re
from pathlib import Path
from typing import Any

import pytest

import rule_cases
import rule_mutants
from common import ROOT
from ml.config import Params
from mlops.core.errors import OperateError
from mlops.operate.monitoring import increases, rules
from mlops.operate.monitoring.windows import Windows, written
from rule_cases import CASES, Case

GROUPS = list(dict.fromkeys((case.alert, case.window, case.step) for case in CASES))
# What a new process counts is the same expression in all of them, and the first has it all.
SHARED = ("offset", "time()", "start_time", "job=")


@pytest.fixture(name="prod", scope="module")
def _prod(values: dict[str, Any]) -> Params:
    return Params.model_validate({**values, "environment": "prod"})


def alerts(params: Params) -> list[dict[str, Any]]:
    """Return the alerts of an environment."""
    found = rules.groups(params, rules.windows(params))["groups"]
    return [one for group in found for one in group["rules"] if "alert" in one]


@pytest.mark.integration
@pytest.mark.parametrize(("alert", "window", "step"), GROUPS)
def test_an_alert_fires_when_it_must(
    prod: Params, tmp_path: Path, alert: str, window: str, step: int
) -> None:
    """And is silent when nothing is wrong, too little was asked, or another environment fails."""
    groups = rule_cases.relevant(rule_cases.made(prod, step), alert, window)
    good, said = rule_cases.run(tmp_path, groups, chosen(alert, window, step))

    assert good, said


@pytest.mark.integration
@pytest.mark.parametrize("alert", list(dict.fromkeys(case.alert for case in CASES)))
def test_a_changed_rule_turns_a_case_red(prod: Params, tmp_path: Path, alert: str) -> None:
    """Threshold, label, window, metric: none may change unseen."""
    window = next(case.window for case in CASES if case.alert == alert)
    cases = [case for case in CASES if (case.alert, case.window) == (alert, window)]
    changes: dict[str, list[tuple[dict[str, Any], Case]]] = {}
    for case in cases:
        rules_ = rule_cases.relevant(rule_cases.made(prod, case.step), alert, window)
        for what, changed in rule_mutants.mutants(rules_):
            if alert == "AvailabilityBudgetBurn" or not any(one in what for one in SHARED):
                changes.setdefault(what, []).append((changed, case))

    assert [
        what
        for what, runs in changes.items()
        if all(rule_cases.run(tmp_path, changed, [case])[0] for changed, case in runs)
    ] == []


def chosen(alert: str, window: str, step: int) -> list[Case]:
    """Return the cases of an alert."""
    return [one for one in CASES if (one.alert, one.window, one.step) == (alert, window, step)]


def test_every_alert_has_cases(prod: Params) -> None:
    """One at least that fires, and one that is silent unless it always fires."""
    wanted = {(one["alert"], one["labels"].get("window", "")) for one in alerts(prod)}

    assert {(one.alert, one.window) for one in CASES if one.fires} == wanted
    assert {(one.alert, one.window) for one in CASES if not one.fires} == wanted - {
        ("DeadMansSwitch", "")
    }


def test_every_alert_has_a_section_in_the_runbook(prod: Params) -> None:
    """With what it means and what to do, where its link leads."""
    text = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    sections = {
        f"docs/runbook.md#{name.lower()}": body
        for name, body in re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    }
    links = {one["annotations"]["runbook_url"] for one in alerts(prod)}

    assert set(sections) == links
    assert all("make " in body or "kubectl" in body for body in sections.values())


def test_the_same_configuration_gives_the_same_rules(prod: Params) -> None:
    """And another environment others."""
    qa = Params.model_validate({**prod.model_dump(), "environment": "qa"})

    assert rules.files(prod) == rules.files(prod)
    assert 'environment="prod"' not in str(rules.files(qa))


def test_the_objectives_are_the_thresholds(prod: Params) -> None:
    """14.4 times the budget; a promise of little is missed by failing nearly always."""
    for availability, limit in ((0.999, "0.0144"), (0.99, "0.144"), (0.5, "0.9")):
        objectives = prod.objectives.model_copy(update={"availability": availability})
        found = alerts(prod.model_copy(update={"objectives": objectives}))
        assert f"> {limit} and" in found[0]["expr"]


def test_a_bound_that_nothing_measures_is_refused(prod: Params) -> None:
    """Between two edges of the histogram."""
    objectives = prod.objectives.model_copy(update={"latency_seconds": 0.3})

    with pytest.raises(OperateError, match=r"an edge of the histogram \(0.001, .*, found 0.3"):
        list(increases.records("prod", objectives, rules.windows(prod)))


def test_windows_shrink_together() -> None:
    """So that a test sees in seconds what takes days."""
    found = Windows(idle=3600, stale=86_400, canary=2820).scaled(1 / 3600)

    assert [(one.long, one.factor) for one in found.burns] == [(1, 14.4), (6, 6), (72, 1)]
    assert (found.idle, found.stale) == (1, 24)
    assert [written(one) for one in (0.5, 1, 90, 3600, 86_400)] == [
        "500ms",
        "1s",
        "90s",
        "1h",
        "1d",
    ]
