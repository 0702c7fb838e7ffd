"""Who trains, registers and deploys in qa, in a project of its own with toy models."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import releases
from ml.config import Params
from mlops.pipeline.compose import asked
from mlops.release import gate, register
from mlops.release.versions.registry import Registry, Version

# Small models are no better than these; what the gate rejects is tested elsewhere.
BOUNDS = {
    "enabled": True,
    "max_latency_ms": 1e6,
    "min_worst_slice": 0.2,
    "max_ece": 0.5,
    "min_accuracy": 0.7,
    "min_macro_f1": 0.7,
    "min_recall": 0.4,
}


@dataclass
class Team:
    """A project in qa."""

    folder: Path
    train: Callable[..., str]

    @property
    def registry(self) -> Registry:
        """The versions of qa."""
        return Registry(asked())

    def version(self, number: str) -> Version:
        """Return a version that is registered."""
        found = self.registry.find(number)
        assert found
        return found

    def accept(self, feeling: dict[str, float], **sections: object) -> str:
        """Train, register and judge; return the number of the version."""
        self.train(feeling, **sections)
        register.main()
        gate.main()
        version = self.registry.alias("challenger")
        assert version
        return version.number


@contextmanager
def team(
    folder: Path, store: Path, make_params: Callable[..., Params], variables: Mapping[str, str]
) -> Iterator[Team]:
    """Make a folder a project in a repository, and the current one, until the block ends."""
    params = make_params(environment="qa", gate=BOUNDS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("MLFLOW_TRACKING_URI", "EXP"):
            patch.delenv(name, raising=False)
        own = {"BENTOML_HOME": str(folder / "bentoml"), "BENTOML_DO_NOT_TRACK": "True"}
        for name, value in {"ENV": "qa", **own, **variables}.items():
            patch.setenv(name, value)
        train = releases.trainer(folder, store, params)
        yield Team(folder, train)
