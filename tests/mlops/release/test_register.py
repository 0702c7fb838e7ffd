"""Registering the model of the work tree, and the gate on what the registry has."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest
import yaml

import releases
from ml.config import Params
from mlops.core import hashing
from mlops.core.errors import GateError, ServingError
from mlops.release import gate, register
from mlops.release.versions.registry import Registry, Version
from releases import Train


@pytest.fixture(name="challenger")
def _challenger(qa: Params, trained: Train) -> Version:
    """The version of a good model, just registered."""
    trained(releases.GOOD)
    register.main()
    version = Registry(qa).alias("challenger")
    assert version
    return version


def test_a_version_leads_back_to_code_and_data(project: Path, qa: Params, trained: Train) -> None:
    """Its tags name commit, configuration, data and model, and its run is the one that trained."""
    run_id = trained(releases.GOOD)

    register.main()
    version = Registry(qa).alias("challenger")

    assert version
    assert version.run_id == run_id
    assert version.tags["model.sha256"] == hashing.digest(project / "models" / "model")
    assert version.tags["params.sha256"] == hashing.digest(project / "params.yaml")
    tests = project / "data" / "prepared" / "test.parquet"
    assert version.tags["data.test.sha256"] == hashing.digest(tests)
    assert float(version.tags["test.accuracy"]) == 1.0
    assert {"git.commit", "data.sha256", "environment", "bento"} <= version.tags.keys()


def test_registering_twice_makes_no_second_version(
    qa: Params, trained: Train, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same model is the same version, another model another."""
    trained(releases.GOOD)
    register.main()
    register.main()
    again = capsys.readouterr().out
    trained(releases.WEAK)
    register.main()

    assert "was registered already" in again
    assert [version.number for version in Registry(qa).versions()] == ["2", "1"]
    assert [version.aliases for version in Registry(qa).versions()] == [("challenger",), ()]


def test_what_is_registered_comes_back_whole(
    tmp_path: Path, qa: Params, challenger: Version
) -> None:
    """The files of a version are those whose hash it has."""
    release = Registry(qa).download(challenger, tmp_path / "down")

    assert hashing.digest(release) == challenger.tags["release.sha256"]
    assert (release / "bento" / "cpu.onnx").exists()
    assert yaml.safe_load((release / "params.yaml").read_text())["environment"] == "qa"


def test_a_model_from_the_cache_can_be_registered(
    project: Path, qa: Params, trained: Train
) -> None:
    """No run in this store trained it: it gets one that says so."""
    trained(releases.GOOD)
    shutil.rmtree(project / ".runs")
    for run in mlflow.search_runs(search_all_experiments=True, output_format="list"):
        mlflow.delete_run(run.info.run_id)

    register.main()
    version = Registry(qa).alias("challenger")

    assert version
    assert "restored" in mlflow.get_run(version.run_id).info.run_name


def test_a_missing_report_is_told(project: Path, trained: Train) -> None:
    """With the file and the command that makes it."""
    trained(releases.GOOD)
    (project / "reports" / "predictions.parquet").unlink()

    with pytest.raises(GateError, match=r"predictions\.parquet is missing.*make train ENV=qa"):
        register.main()


@pytest.mark.usefixtures("challenger")
def test_the_gate_writes_its_verdict_on_the_version(project: Path, qa: Params) -> None:
    """As tags, and as JSON beside the reports; an accepted one ends without an error."""
    gate.main()
    version = Registry(qa).alias("challenger")

    assert version
    assert version.tags["gate.verdict"] == "accepted"
    told = json.loads((project / "reports" / "gate.json").read_text())
    assert (told["verdict"], told["champion"]) == ("accepted", None)


def test_the_gate_compares_with_the_champion(
    qa: Params, challenger: Version, trained: Train
) -> None:
    """A worse challenger is rejected, which is an error and stands on the version."""
    registry = Registry(qa)
    registry.point("champion", challenger)
    trained(releases.WEAK)
    register.main()

    with pytest.raises(GateError, match=r"version 2 is rejected: .*lead over the champion"):
        gate.main()

    second = registry.alias("challenger")
    assert second
    assert second.tags["gate.verdict"] == "rejected"
    assert "lead over the champion" in second.tags["gate.reasons"]
    assert second.tags["gate.against"] == str(challenger)


def test_a_gate_that_is_off_tells_and_stops_nothing(
    project: Path,
    empty_store: Path,
    make_params: Callable[..., Params],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As in dev, where nothing is deployed from."""
    releases.trainer(project, empty_store, make_params(gate={"enabled": False}))(releases.ONE_CLASS)
    register.main()

    gate.main()

    assert "is rejected" in capsys.readouterr().out


def test_without_a_challenger_the_command_is_told(qa: Params, trained: Train) -> None:
    """Nothing was registered."""
    trained(releases.GOOD)

    with pytest.raises(GateError, match="make register ENV=qa"):
        gate.main()


def test_another_environments_model_is_not_judged(
    monkeypatch: pytest.MonkeyPatch, trained: Train
) -> None:
    """ENV=prod with qa's work tree."""
    trained(releases.GOOD)
    monkeypatch.setenv("ENV", "prod")

    with pytest.raises(ServingError, match="ENV=prod"):
        gate.main()
