"""Rules of local_platform.tracking_server."""

import importlib.util
from pathlib import Path
from types import ModuleType

import mlflow
import pytest

from local_platform import tracking_server


def settings() -> ModuleType:
    """Return MLflow's reader of the settings, without the server around it."""
    place = Path(mlflow.__file__).parent / "server" / "auth" / "config.py"
    spec = importlib.util.spec_from_file_location("auth_config", place)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_mlflow_knows_the_settings_by_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ignores others: everybody could read, or each request would hash the password."""
    variables = {"DATABASE": "postgresql://x", "PASSWORD": "p", "SECRET": "s"}
    part = tracking_server.part(tmp_path, "qa", tmp_path, 1, variables)
    monkeypatch.setenv("MLFLOW_AUTH_CONFIG_PATH", part.environment["MLFLOW_AUTH_CONFIG_PATH"])

    found = settings().read_auth_config()

    assert found.auth_cache_ttl_seconds == tracking_server.REMEMBERED
    assert found.default_permission == "NO_PERMISSIONS"
    assert (found.admin_username, found.admin_password) == (tracking_server.USER, "p")
    assert found.database_uri == "postgresql://x"
