"""Rules of mlops.tracking.untracked; the run of all stages without MLflow is in test_pipelines."""

import inspect
from operator import attrgetter

import pytest

from mlops.tracking import runs, untracked


@pytest.mark.parametrize(
    "name", ["training_run", "log_evaluation", "Run.log_metrics", "Run.finish"]
)
def test_a_smoke_run_asks_as_a_real_run_does(name: str) -> None:
    """A call that only one of the two takes would break either smoke runs or trainings."""
    real, smoke = (inspect.signature(attrgetter(name)(one)) for one in (runs, untracked))

    assert smoke.parameters == real.parameters
