"""params.yaml, which Git holds, is what conf/ gives."""

import os
import subprocess
import sys
from pathlib import Path

from common import ROOT, composed


def test_params_yaml_is_composed_for_dev(tmp_path: Path) -> None:
    """What Git holds is what compose writes for the branch's experiment in dev."""
    experiment = subprocess.run(
        [sys.executable, "-m", "mlops.pipeline.branch_experiment"],
        cwd=ROOT, env={**os.environ, "EXP": ""}, text=True, capture_output=True, check=True,
    ).stdout.strip()  # fmt: skip
    (tmp_path / "conf").symlink_to(ROOT / "conf")
    committed = composed(tmp_path)
    committed.write_text(committed.read_text() + "stale: true\n")
    plain = {name: value for name, value in os.environ.items() if name not in ("ENV", "EXP", "SET")}
    subprocess.run(
        [sys.executable, "-m", "mlops.pipeline.compose"],
        cwd=tmp_path,
        env={**plain, "PYTHONPATH": str(ROOT / "src"), "EXP": experiment},
        check=True,
    )

    assert committed.read_text() == (ROOT / "params.yaml").read_text(), (
        "params.yaml is not what conf/ gives in dev (a run with SET, ENV or EXP?); make migrate"
    )
