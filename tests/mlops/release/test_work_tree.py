"""What is registered and judged in qa and prod is what the pipeline made, by dvc.lock."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import yaml

import releases
from ml.config import Params
from mlops.core.errors import GateError
from mlops.release import gate, register, work_tree
from releases import Train


@pytest.mark.parametrize("name", work_tree.MADE)
def test_a_file_that_was_changed_is_not_registered(name: str, trained: Train) -> None:
    """The file is named, and what brings it back."""
    trained(releases.GOOD)
    path = Path(name)
    changed = path if path.is_file() else path / "more"
    changed.write_text('{"accuracy": 1.0}')

    with pytest.raises(GateError, match=rf"{name} has been changed.*dvc checkout --force {name}"):
        register.main()


def test_without_dvc_lock_nothing_is_registered(trained: Train, project: Path) -> None:
    """Nothing tells that the pipeline made it."""
    trained(releases.GOOD)
    (project / "dvc.lock").unlink()

    with pytest.raises(GateError, match=r"dvc.lock has no run; run `make train ENV=qa`"):
        register.main()


def test_a_value_that_no_stage_had_is_not_registered(trained: Train, project: Path) -> None:
    """Params.yaml was put back to what is committed, after a run with other values."""
    trained(releases.GOOD, evaluate={"resamples": 200})
    values = yaml.safe_load((project / "params.yaml").read_text())
    values["evaluate"]["resamples"] = 100
    (project / "params.yaml").write_text(yaml.safe_dump(values))

    with pytest.raises(GateError, match=r"other values than .*: evaluate\. .*make train"):
        register.main()


def test_a_test_split_that_was_changed_is_not_judged_on(trained: Train, project: Path) -> None:
    """Not even where the files of the version are as they were registered."""
    trained(releases.GOOD)
    register.main()
    path = project / "data" / "prepared" / "test.parquet"
    pl.read_parquet(path).head(300).write_parquet(path)

    with pytest.raises(GateError, match=r"data/prepared has been changed"):
        gate.main()


def test_figures_that_no_evaluation_logged_are_not_registered(
    trained: Train, project: Path
) -> None:
    """Whoever changes figures and dvc.lock together has not changed the run."""
    trained(releases.WEAK)
    path = project / "reports" / "metrics.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "accuracy": 1.0}))
    releases.lock(project, yaml.safe_load((project / "params.yaml").read_text()))

    with pytest.raises(GateError, match=r"says accuracy 1.000000, but what was logged .* is 0\."):
        register.main()


def test_dev_takes_what_lies_there(
    project: Path, empty_store: Path, make_params: Callable[..., Params]
) -> None:
    """Nothing is deployed from dev."""
    releases.trainer(project, empty_store, make_params())(releases.GOOD)
    (project / "dvc.lock").unlink()
    (project / "reports" / "model_card.md").write_text("# edited")

    register.main()


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1e-05, "1e-05", True),  # as DVC writes it, read as YAML 1.1
        (1e-05, "1e-06", False),
        (1e-05, "none", False),
        ({"a": [1, 2.0]}, {"a": [1, 2]}, True),
        ({"a": [1, 2.0]}, {"a": [1]}, False),
        ({"a": 1}, {"a": 1, "b": None}, False),
        (None, None, True),
        ("1", 1, False),
    ],
)
def test_values_are_compared_as_they_are_meant(one: object, other: object, equal: bool) -> None:
    """YAML has more than one way to write a number."""
    assert work_tree.same(one, other) is equal
