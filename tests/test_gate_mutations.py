"""A gate that is broken must be seen: each mutation turns the tests of the gate red. Slow."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT

pytestmark = pytest.mark.slow

MUTATIONS = {
    "comparison turned round": ("gating/criteria.py", "low > 0,", "high < 0,"),
    "bounds turned round": ("gating/criteria.py", "found >= bound", "found <= bound"),
    "upper bounds turned round": ("gating/criteria.py", "found <= bound", "found >= bound"),
    "models swapped": ("gating/criteria.py", "lead(ours.right(test), theirs.right(test)",
                       "lead(theirs.right(test), ours.right(test)"),
    "always accepted": ("gating/verdict.py",
                        "return bool(self.checks) and all(check.passed for check in self.checks)",
                        "return True"),
    "noise promotes": ("gating/criteria.py", "low > 0,", 'found["lead"] >= 0,'),
    "figures believed": ("gating/criteria.py", "right = abs(number - wanted) <= NEAR",
                         "right = True"),
    "other data accepted": ("gating/criteria.py", "same = judged.texts == test.texts and",
                            "same = True or"),
    "parity not looked at": ("gating/criteria.py", 'Check("parity", not wrong,',
                             'Check("parity", True,'),
    "champion not needed": ("gate.py", "if release is None:", "if release is None and False:"),
    "every model is the same": ("gate.py", "len(set(map(hashing.digest, trained))) == 1", "True"),
    "the same model believed": ("gating/criteria.py", 'model agree", agree,', 'model agree", 1.0,'),
    "files not compared": ("gate.py", "found == wanted, found", "True, found"),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_gate_is_seen(name: str, tmp_path: Path) -> None:
    """The suite passes on the code as it is (make test), and fails on the mutant."""
    source = tmp_path / "src"
    shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "conf", tmp_path / "conf")  # which the code looks for beside itself
    place, old, new = MUTATIONS[name]
    path = source / "ml" / place
    code = path.read_text()
    assert code.count(old) == 1, f"{place} no longer has {old!r} once: mend this mutation"
    path.write_text(code.replace(old, new))

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-cov",
         "-o", f"pythonpath={source}", "tests/test_gate.py"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(source)}, text=True, check=False,
        capture_output=True,
    )  # fmt: skip

    assert done.returncode == 1, done.stdout
    assert "failed" in done.stdout
