"""A gate that is broken must be seen: each mutation turns the tests of the gate red. Slow."""

import shutil
from pathlib import Path

import pytest

import mutant
from common import ROOT

pytestmark = pytest.mark.slow

MUTATIONS = {
    "comparison turned round": ("release/criteria.py", "low > 0,", "high < 0,"),
    "bounds turned round": ("evaluation/checks.py", "found >= bound", "found <= bound"),
    "upper bounds turned round": ("evaluation/checks.py", "found <= bound", "found >= bound"),
    "models swapped": ("release/criteria.py", "lead(ours.right(test), theirs.right(test)",
                       "lead(theirs.right(test), ours.right(test)"),
    "always accepted": ("release/verdict.py",
                        "return bool(self.checks) and all(check.passed for check in self.checks)",
                        "return True"),
    "noise promotes": ("release/criteria.py", "low > 0,", 'found["lead"] >= 0,'),
    "figures believed": ("release/criteria.py", "right = abs(number - wanted) <= NEAR",
                         "right = True"),
    "other data accepted": ("release/criteria.py", "same = judged.texts == test.texts and",
                            "same = True or"),
    "parity not looked at": ("release/criteria.py", 'Check("parity", not wrong,',
                             'Check("parity", True,'),
    "champion not needed": ("release/gate.py", 'Check("the champion answers", False, changed',
                            'Check("the champion answers", True, changed'),
    "every model is the same": ("release/champion.py",
                                "len(set(map(hashing.digest, trained))) == 1",
                                "True"),
    "the same model believed": ("release/criteria.py", 'model agree", agree,',
                                'model agree", 1.0,'),
    "files not compared": ("release/gate.py", "found == wanted, found", "True, found"),
    "params.yaml believed": ("release/gate.py", "other, rules.params)", "other, params)"),
    "off by params.yaml": ("release/gate.py", "if not rules.params.gate.enabled:",
                           "if not params.gate.enabled:"),
    "every environment is dev": ("release/bounds.py", "if params.environment == LIBERAL:",
                                 "if params.environment:"),
    "measured as it likes": ("release/bounds.py", 'Check("measured by", not self.differs,',
                             'Check("measured by", True,'),
    "data may differ": ("release/bounds.py", 'MEASURES = ("data", "prepare", ', "MEASURES = ("),
    "links followed": ("release/committed.py", 'if not mode.startswith("100"):', "if not mode:"),
    "made in dev": ("release/bounds.py", 'Check("environment", made == here,',
                    'Check("environment", True,'),
    "deployed by other bounds": ("release/bounds.py", "if digest(found) == tags[DIGEST]:",
                                 "if digest(found):"),
    "dvc.lock not asked": ("release/work_tree.py", "elif hashing.dvc(path) != known[name]:",
                           "elif not known[name]:"),
    "values not asked": ("release/work_tree.py", "if not same(_at(here, key), value):",
                         "if not same(value, value):"),
    "test split not asked": ("release/gate.py", "work_tree.check(environment, (work_tree.DATA,))",
                             "pass"),
    "figures of nobody": ("release/register.py", "if not any(math.isclose(",
                          "if False and any(math.isclose("),
    "one folder for all": ("versions/registry.py", 'place = f"{RELEASES}/{hashing.digest(folder)}"',
                           "place = SHARED"),
    "damage overlooked": ("versions/version_files.py", "    if hashing.digest(found) != wanted:",
                          "    if not wanted:"),
    "judged by itself": ("release/gate.py", "if champion and champion.number == version.number:",
                         "if not version:"),
}  # fmt: skip
SUITES = {  # which tests see that a file is broken; the first that fails ends it
    "release/gate.py": ("release/test_gate", "release/test_bounds", "release/test_work_tree"),
    "release/bounds.py": ("release/test_bounds",),
    "release/committed.py": ("release/test_bounds",),
    "release/work_tree.py": ("release/test_work_tree",),
    "release/register.py": ("release/test_work_tree",),
    "versions/version_files.py": ("versions/test_version_files",),
    "versions/registry.py": ("versions/test_version_files",),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_gate_is_seen(name: str, tmp_path: Path) -> None:
    """The suite passes on the code as it is (make test), and fails on the mutant."""
    source = tmp_path / "src"
    shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "conf", tmp_path / "conf")  # which the code looks for beside itself
    place, old, new = MUTATIONS[name]
    path = source / "mlops" / place
    code = path.read_text()
    assert code.count(old) == 1, f"{place} no longer has {old!r} once: mend this mutation"
    path.write_text(code.replace(old, new))

    suites = [f"tests/mlops/{suite}.py" for suite in SUITES.get(place, ("release/test_gate",))]
    log = tmp_path / "log"

    assert mutant.run(source, suites, log) == 1, log.read_text()
    assert "failed" in log.read_text()
