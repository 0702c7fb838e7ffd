"""What several test files share: a small configuration, a small data set, an empty project."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# No hub for the tests, set before huggingface_hub is imported.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

import mlflow
import polars as pl
import pytest
import yaml
from hypothesis import HealthCheck, settings

import containers
import served
import servers
from ml.config import Params
from mlops.platform.servers import ENVIRONMENTS, Platform

ROOT = Path(__file__).parent.parent
# The same examples each time, and no clock: a busy machine fails no test.
settings.register_profile(
    "steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")
GOOD = ("good", "fine", "great", "lovely")
BAD = ("bad", "poor", "awful", "dull")


def composed(folder: Path) -> Path:
    """Lay what was composed last into a folder; its hashes stand for data that only some have."""
    for path in (ROOT / "sources.lock", ROOT / "params.yaml"):
        if path.exists():
            shutil.copy(path, folder)
    return folder / "params.yaml"


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


def prepare_rows(project: Path, empty_store: Path) -> None:
    """Write rows as `prepare` leaves them: 48 to train, 16 each to validate and to test."""
    folder = project / "data" / "prepared"
    folder.mkdir(parents=True)
    start = 0
    for name, rows in (("train", 48), ("val", 16), ("test", 16)):
        pl.DataFrame(verdicts(start, rows)).write_parquet(folder / f"{name}.parquet")
        start += rows
    labels = {"labels": ["negative", "positive"], "synthetic": False}
    (folder / "labels.json").write_text(json.dumps(labels), encoding="utf-8")
    for environment in ("dev", "qa"):
        store = project / ".mlflow" / environment
        store.mkdir(parents=True)
        shutil.copy(empty_store, store)


def verdicts(start: int, rows: int) -> dict[str, list[Any]]:
    """Return short texts of different lengths whose one adjective decides the label."""
    numbers = range(start, start + rows)
    words = [(GOOD if n % 2 else BAD)[n // 2 % 4] for n in numbers]
    texts = [
        f"film {n} was {word}" + " indeed" * (n % 5) for n, word in zip(numbers, words, strict=True)
    ]
    return {"text": texts, "label": [n % 2 for n in numbers]}


def write_params(params: Params) -> None:
    """Write params.yaml into the current folder."""
    Path("params.yaml").write_text(yaml.safe_dump(params.model_dump()), encoding="utf-8")


@pytest.fixture(name="serving_bin", scope="session")
def _serving_bin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the serving lock alone."""
    return served.locked_environment(tmp_path_factory.mktemp("serving") / "venv", "serving")


@pytest.fixture(name="bento", scope="session")
def _bento(tmp_path_factory: pytest.TempPathFactory, serving_bin: Path) -> served.Bento:
    """A Bento of a small model."""
    return served.build(tmp_path_factory.mktemp("bento"), serving_bin, max_items=100)


@pytest.fixture(name="server", scope="session")
def _server(
    bento: served.Bento, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[served.Server]:
    """That Bento, served."""
    with served.serve(bento, tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(name="engine", scope="session")
def _engine() -> Iterator[containers.Engine]:
    """Containers of this session's own; `.ci/run` installs what they need."""
    if lacking := containers.missing():
        pytest.skip(f"containers need {', '.join(lacking)}")
    with containers.engine() as engine:
        yield engine


@pytest.fixture(name="image", scope="session")
def _image(engine: containers.Engine, bento: served.Bento) -> str:
    """The image of that Bento."""
    return engine.containerize(bento)


@pytest.fixture(name="platform_base", scope="session")
def _platform_base() -> Iterator[Platform]:
    """The servers of the platform, none of them started; ended after the tests."""
    with servers.platform() as platform:
        yield platform


@pytest.fixture(name="s3")
def _s3(platform_base: Platform) -> Platform:
    """A platform of which S3 runs, also if the test before has killed it."""
    if "swift-proxy" not in platform_base.running():  # to look takes less than to start again
        platform_base.up("s3")
    return platform_base


@pytest.fixture(name="platform")
def _platform(platform_base: Platform) -> Platform:
    """A platform of which all parts run."""
    if len(platform_base.running()) < 2 + len(ENVIRONMENTS):
        platform_base.up()
    return platform_base
