"""A gate that is broken must be seen: each mutation turns a test of the gate red. Slow."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

import mutant
from common import ROOT

pytestmark = pytest.mark.slow


class Mutation(NamedTuple):
    """A change of the code of the gate, and the test that must see it."""

    place: str
    old: str
    new: str
    seen_by: str


GATE, BOUNDS = "release/test_gate.py::test_", "release/test_bounds.py::test_"
WORK_TREE = "release/test_work_tree.py::test_"
FILES = "release/versions/test_version_files.py::test_"
MUTATIONS = {
    "comparison turned round": Mutation(
        "release/criteria.py",
        "low > 0,",
        "high < 0,",
        GATE + "a_better_model_is_accepted",
    ),
    "bounds turned round": Mutation(
        "core/checks.py",
        "found >= bound",
        "found <= bound",
        GATE + "the_first_model_is_judged_by_the_bounds_alone",
    ),
    "upper bounds turned round": Mutation(
        "core/checks.py",
        "found <= bound",
        "found >= bound",
        GATE + "the_first_model_is_judged_by_the_bounds_alone",
    ),
    "models swapped": Mutation(
        "release/criteria.py",
        "lead(ours.right(test), theirs.right(test)",
        "lead(theirs.right(test), ours.right(test)",
        GATE + "a_better_model_is_accepted",
    ),
    "always accepted": Mutation(
        "release/verdict.py",
        "return bool(self.checks) and all(check.passed for check in self.checks)",
        "return True",
        GATE + "a_verdict_without_checks_is_no_acceptance",
    ),
    "noise promotes": Mutation(
        "release/criteria.py",
        "low > 0,",
        'found["lead"] >= 0,',
        GATE + "equal_within_noise_is_rejected",
    ),
    "figures believed": Mutation(
        "release/criteria.py",
        "right = abs(number - wanted) <= NEAR",
        "right = True",
        GATE + "metrics_edited_by_hand_are_rejected",
    ),
    "other data accepted": Mutation(
        "release/criteria.py",
        "same = predicted.texts == test.texts and",
        "same = True or",
        GATE + "a_model_judged_on_other_data_is_rejected",
    ),
    "parity not looked at": Mutation(
        "release/criteria.py",
        'Check("parity", not wrong,',
        'Check("parity", True,',
        GATE + "an_export_that_disagrees_with_the_trained_model_is_rejected",
    ),
    "champion not needed": Mutation(
        "release/gate.py",
        'Check("the champion predicts", False, changed',
        'Check("the champion predicts", True, changed',
        GATE + "an_unreadable_champion_stops_the_promotion",
    ),
    "every model is the same": Mutation(
        "release/champion.py",
        "len(set(map(hashing.digest, trained))) == 1",
        "True",
        GATE + "the_same_model_served_by_other_code_must_answer_as_before",
    ),
    "the same model believed": Mutation(
        "release/criteria.py",
        'model agree", agree,',
        'model agree", 1.0,',
        GATE + "the_same_model_served_by_other_code_must_answer_as_before",
    ),
    "files not compared": Mutation(
        "release/gate.py",
        "found == wanted, found",
        "True, found",
        GATE + "files_changed_after_registration_are_rejected",
    ),
    "params.yaml believed": Mutation(
        "release/gate.py",
        "other, rules.params)",
        "other, params)",
        BOUNDS + "bounds_that_nobody_committed_count_for_nothing",
    ),
    "off by params.yaml": Mutation(
        "release/gate.py",
        "if not rules.params.gate.enabled:",
        "if not params.gate.enabled:",
        BOUNDS + "bounds_that_nobody_committed_count_for_nothing[off]",
    ),
    "every environment is dev": Mutation(
        "release/bounds.py",
        "if params.environment == LIBERAL:",
        "if params.environment:",
        BOUNDS + "bounds_that_nobody_committed_count_for_nothing",
    ),
    "measured as it likes": Mutation(
        "release/bounds.py",
        'Check("measured by", not self.differs,',
        'Check("measured by", True,',
        BOUNDS + "a_model_that_was_measured_otherwise_is_rejected",
    ),
    "data may differ": Mutation(
        "release/bounds.py",
        'MEASURES = ("data", "prepare", ',
        "MEASURES = (",
        BOUNDS + "a_model_that_was_measured_otherwise_is_rejected",
    ),
    "links followed": Mutation(
        "release/committed.py",
        'if not mode.startswith("100"):',
        "if not mode:",
        BOUNDS + "a_link_in_conf_is_refused",
    ),
    "made in dev": Mutation(
        "release/bounds.py",
        'Check("environment", made == here,',
        'Check("environment", True,',
        BOUNDS + "a_version_of_dev_is_not_accepted_in_qa",
    ),
    "deployed by other bounds": Mutation(
        "release/bounds.py",
        "if digest(found) == tags[DIGEST]:",
        "if digest(found):",
        BOUNDS + "a_version_that_was_judged_otherwise_is_not_deployed",
    ),
    "dvc.lock not asked": Mutation(
        "release/work_tree.py",
        "elif hashing.dvc(path) != known[name]:",
        "elif not known[name]:",
        WORK_TREE + "a_file_that_was_changed_is_not_registered",
    ),
    "values not asked": Mutation(
        "release/work_tree.py",
        "if not same(_at(here, key), value):",
        "if not same(value, value):",
        WORK_TREE + "a_value_that_no_stage_had_is_not_registered",
    ),
    "test split not asked": Mutation(
        "release/gate.py",
        "work_tree.check(environment, (work_tree.DATA,))",
        "pass",
        WORK_TREE + "a_test_split_that_was_changed_is_not_judged_on",
    ),
    "figures of nobody": Mutation(
        "release/register.py",
        "if not any(math.isclose(",
        "if False and any(math.isclose(",
        WORK_TREE + "figures_that_no_evaluation_logged_are_not_registered",
    ),
    "one folder for all": Mutation(
        "release/versions/registry.py",
        'place = f"{RELEASES}/{hashing.digest(folder)}"',
        "place = SHARED",
        FILES + "the_same_training_with_other_settings_keeps_the_files_of_each_version",
    ),
    "damage overlooked": Mutation(
        "release/versions/version_files.py",
        "    if hashing.digest(found) != wanted:",
        "    if not wanted:",
        FILES + "whoever_reads_overwritten_files_says_so",
    ),
    "judged by itself": Mutation(
        "release/gate.py",
        "if champion and champion.number == version.number:",
        "if not version:",
        BOUNDS + "who_is_challenger_and_champion_at_once_is_told",
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_gate_is_seen(name: str, tmp_path: Path) -> None:
    """The test passes on the code as it is (make test), and fails on the mutant."""
    source = tmp_path / "src"
    shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "conf", tmp_path / "conf")  # which the code looks for beside itself
    place, old, new, seen_by = MUTATIONS[name]
    path = source / "mlops" / place
    code = path.read_text()
    assert code.count(old) == 1, f"{place} no longer has {old!r} once: mend this mutation"
    path.write_text(code.replace(old, new))
    log = tmp_path / "log"

    assert mutant.run(source, f"tests/mlops/{seen_by}", log) == 1, log.read_text()
    assert "failed" in log.read_text()
