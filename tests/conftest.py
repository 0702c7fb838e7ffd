"""What several test files share: a small configuration, a small data set, an empty project."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

# No hub for the tests, set before huggingface_hub is imported.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

import mlflow
import pytest
import yaml
from hypothesis import HealthCheck, settings

from common import ROOT, prepare_rows, write_params
from ml.config import Params

# The same examples each time, and no clock: a busy machine fails no test.
settings.register_profile(
    "steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")


@pytest.fixture(autouse=True)
def _clean_environ(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the caller's variables out of the tests."""
    for name in (
        "ENV",
        "EXP",
        "SET",
        "REFRESH",
        "MLFLOW_TRACKING_URI",
        "MLFLOW_OFFLINE",
        "MLFLOW_TRACKING_USERNAME",
        "MLFLOW_TRACKING_PASSWORD",
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_PROFILE",
        "DVC_EXP_NAME",
        "GITHUB_ACTIONS",
        "GITLAB_CI",
        "CUDA_VISIBLE_DEVICES",
    ):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nowhere")


@pytest.fixture(name="anyio_backend", scope="session")
def _anyio_backend() -> str:
    """The event loop of the tests marked `anyio`."""
    return "asyncio"


@pytest.fixture(name="values", scope="session")
def _values() -> dict[str, Any]:
    """The committed params.yaml with sizes for tests: 2 layers of 16, one epoch.

    A project's own experiment changes neither data nor model of the tests.
    """
    values: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    values["data"] |= {"train_path": "synthetic", "text_column": "text", "label_column": "label"}
    values["data"] |= dict.fromkeys(("val_path", "test_path", "labels"))
    values["model"] |= {"architecture": "transformers", "options": {}}
    values["model"] |= dict.fromkeys(("pretrained", "revision", "custom"))
    values["model"]["scratch"] |= {"hidden": 16, "intermediate": 16, "vocab_size": 320}
    values["model"]["max_length"] = 16
    values["training"] |= {"epochs": 1, "batch_size": 8}
    values["prepare"]["min_rows"] = 2
    values["evaluate"] |= {"behaviour": [], "slice_columns": [], "resamples": 100}
    return values


@pytest.fixture(name="make_params", scope="session")
def _make_params(values: dict[str, Any]) -> Callable[..., Params]:
    """Return a function from `section={key: value}` to a configuration for tests."""

    def make(**sections: Any) -> Params:
        merged = dict(values)
        for name, part in sections.items():
            merged[name] = {**values[name], **part} if isinstance(part, dict) else part
        return Params.model_validate(merged)

    return make


@pytest.fixture(name="params", scope="session")
def _params(make_params: Callable[..., Params]) -> Params:
    return make_params()


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, params: Params) -> Path:
    """An empty folder with params.yaml, as the current one."""
    monkeypatch.chdir(tmp_path)
    write_params(params)
    return tmp_path


@pytest.fixture(name="empty_store", scope="session")
def _empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without a run: making its 65 tables takes seconds, copying it none."""
    database = tmp_path_factory.mktemp("store") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{database}").search_experiments()
    return database


@pytest.fixture(name="prepared")
def _prepared(project: Path, empty_store: Path) -> Path:
    """A project with prepared rows and empty MLflow stores."""
    prepare_rows(project, empty_store)
    return project
