"""Rules of mlops.tracking.sync."""

from pathlib import Path

import pytest
from test_runs import train

from ml.config import Params
from mlops.core.errors import TrackingError
from mlops.tracking import sync


@pytest.mark.usefixtures("prepared")
def test_runs_without_a_server_to_go_to_are_an_error(
    params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence names the variable."""
    monkeypatch.setenv("MLFLOW_OFFLINE", "1")
    train(params)

    with pytest.raises(TrackingError, match="MLFLOW_TRACKING_URI"):
        sync.main()


@pytest.mark.usefixtures("project")
def test_nothing_to_bring_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    """A machine without runs."""
    sync.main()

    assert capsys.readouterr().out == "0 runs of dev brought to MLflow\n"


@pytest.mark.usefixtures("project")
def test_the_environment_is_the_usual_variables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make sync ENV=qa`."""
    monkeypatch.setenv("ENV", "qa")
    sync.main()

    assert "of qa" in capsys.readouterr().out
    assert not (tmp_path / ".runs").exists()
