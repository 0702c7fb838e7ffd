"""deploy/compose.yaml, really run: two environments train, data stay. It builds images."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from mlflow.exceptions import MlflowException

import containers
import servers
from clones import call, installed, ran
from composed import SERVICES, Composed, composing, container, lacking

pytestmark = pytest.mark.nightly

SMALL = (
    "data.synthetic_rows=800 prepare.sample=1 training.epochs=1 evaluate.resamples=100 "
    "model.scratch.hidden=16 model.scratch.intermediate=16 model.max_length=16"
)


@pytest.fixture(name="composed", scope="module")
def _composed(
    engine: containers.Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Composed]:
    """All services, up; their images are built by what compose.yaml says."""
    if missing := lacking():
        pytest.skip(f"containers need {', '.join(missing)}")
    with composing(engine, tmp_path_factory.mktemp("composed")) as composed:
        yield composed


@pytest.fixture(name="enter")
def _enter(composed: Composed, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that takes an environment's variables."""

    def enter(environment: str) -> None:
        for name, value in composed.platform.variables(environment).items():
            monkeypatch.setenv(name, value)

    return enter


@pytest.mark.parametrize("environment", ["dev", "qa"])
def test_a_training_is_tracked_and_shared(
    composed: Composed, enter: Callable[[str], None], tmp_path: Path, environment: str
) -> None:
    """By the variables of `.platform/<env>.env` alone; a second clone gets the model from there."""
    variables = {"ENV": environment, "SET": SMALL, "SHARE": "1"}
    told = {**composed.platform.variables(environment), **variables}
    first, second = installed(tmp_path / "first"), installed(tmp_path / "second")

    assert "train" in ran(call(first, "make", "train", **told))
    assert "train" not in ran(call(second, "make", "train", **told))

    models = [(clone / "models/model/model.safetensors").read_bytes() for clone in (first, second)]
    assert models[0] == models[1]
    enter(environment)
    client = composed.client(environment)
    (experiment,) = client.search_experiments(filter_string="name != 'Default'")
    run = client.search_runs([experiment.experiment_id])[-1]
    assert run.data.tags["environment"] == environment
    lock = Path(client.download_artifacts(run.info.run_id, "dvc.lock", str(tmp_path)))
    assert lock.read_text() == (first / "dvc.lock").read_text()


def test_an_environment_is_closed_to_the_others(
    composed: Composed, enter: Callable[[str], None]
) -> None:
    """The passwords of dev open neither the MLflow, nor the bucket, nor the database of qa."""
    enter("dev")
    own, other = (composed.platform.variables(name) for name in ("dev", "qa"))

    with pytest.raises(MlflowException, match="401"):
        composed.client("qa").search_experiments()
    with pytest.raises(ClientError, match=r"AccessDenied|NoSuchBucket"):
        servers.client(own).list_objects_v2(Bucket=servers.QA)
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        servers.client({**own, "AWS_ACCESS_KEY_ID": other["AWS_ACCESS_KEY_ID"]}).list_buckets()
    secret = f"PGPASSWORD={composed.platform._secrets['postgres-dev']}"
    as_dev = ("exec", "--env", secret, container("postgres"), "psql", "-h", "postgres", "-U")
    composed.engine.podman(*as_dev, "mlflow_dev", "mlflow_dev", "-c", "select 1")
    with pytest.raises(AssertionError, match="permission denied for database"):
        composed.engine.podman(*as_dev, "mlflow_dev", "mlflow_qa", "-c", "select 1")
    with pytest.raises(AssertionError, match="password authentication failed"):
        composed.engine.podman(*as_dev, "mlflow_qa", "mlflow_qa", "-c", "select 1")


@pytest.mark.parametrize("how", ["killed", "down"])
def test_what_was_recorded_stays(
    composed: Composed, enter: Callable[[str], None], tmp_path: Path, how: str
) -> None:
    """A killed container comes back by itself, and containers that were taken away leave data."""
    enter("dev")
    client = composed.client("dev")
    run = client.create_run(client.create_experiment(how)).info.run_id
    client.log_metric(run, "accuracy", 0.5)
    client.log_text(run, "kept", "note.txt")

    if how == "killed":
        for service in SERVICES:
            os.kill(composed.process(service), signal.SIGKILL)
        for service in SERVICES:
            composed.wait(service)
    else:
        composed.compose("down")
        composed.up()

    assert client.get_run(run).data.metrics == {"accuracy": 0.5}
    assert Path(client.download_artifacts(run, "note.txt", str(tmp_path))).read_text() == "kept"
