"""A stage runs again when code of this project that it runs has changed (dvc.yaml)."""

import ast
from pathlib import Path

import pytest
import yaml

from common import ROOT

SRC = ROOT / "src"
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
# They decide no byte: values are DVC's own parameters, and the plug imports what it is asked for.
OBSERVERS = {SRC / "ml" / "config.py", SRC / "ml" / "project.py"}


def imported(module: Path) -> set[Path]:
    """Return the modules of src/ml that run with one."""
    found, waiting = {module}, [module]
    while waiting:
        for node in ast.walk(ast.parse(waiting.pop().read_text())):
            if not isinstance(node, ast.ImportFrom):
                continue
            names = [str(node.module), *(f"{node.module}.{one.name}" for one in node.names)]
            paths = {SRC / f"{name.replace('.', '/')}.py" for name in names if name[:3] == "ml."}
            new = {path for path in paths if path.is_file()} - found
            waiting += new
            found |= new
    return found


@pytest.mark.parametrize("stage", [name for name in STAGES if (SRC / "ml" / f"{name}.py").exists()])
def test_dvc_yaml_names_the_code_of_a_stage(stage: str) -> None:
    """A module of your own, in the stage's `deps`: alone, or by its folder."""
    named = [ROOT / path for path in STAGES[stage]["deps"]]
    code = imported(SRC / "ml" / f"{stage}.py") - OBSERVERS

    assert {path for path in code if not any(path.is_relative_to(one) for one in named)} == set()
