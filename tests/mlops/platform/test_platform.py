"""The platform's real servers: three environments side by side that see nothing of each other."""

import base64
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import mlflow
import psutil
import pytest
from botocore.exceptions import ClientError
from mlflow.exceptions import MlflowException

import servers
from local_platform import bucket, processes
from local_platform.__main__ import ports
from local_platform.part import Part
from local_platform.servers import ENVIRONMENTS, Platform, programs
from mlops.core.errors import PlatformError

OTHERS = [(one, other) for one in ENVIRONMENTS for other in ENVIRONMENTS if one != other]


@pytest.fixture(name="enter")
def _enter(monkeypatch: pytest.MonkeyPatch, platform: Platform) -> Callable[[str], None]:
    """Return a function that takes an environment's variables."""

    def enter(environment: str) -> None:
        for name, value in platform.variables(environment).items():
            monkeypatch.setenv(name, value)
        mlflow.set_tracking_uri(os.environ["MLFLOW_TRACKING_URI"])

    return enter


Record = Callable[[str, str], str]


@pytest.fixture(name="record")
def _record(enter: Callable[[str], None], tmp_path: Path) -> Record:
    """Return a function that enters an environment and makes a run with an artifact there.

    It registers a version of it under the same name, and returns the run's id.
    """

    def record(environment: str, name: str) -> str:
        enter(environment)
        (tmp_path / "note.txt").write_text(name)
        mlflow.set_experiment(name)
        with mlflow.start_run() as run:
            mlflow.log_metric("accuracy", 0.5)
            mlflow.log_artifact(str(tmp_path / "note.txt"))
        client = mlflow.MlflowClient()
        client.create_registered_model(name)
        client.create_model_version(name, f"runs:/{run.info.run_id}", run.info.run_id)
        return str(run.info.run_id)

    return record


@pytest.mark.integration
@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_the_storage_of_another_environment_is_closed(s3: Platform, one: str, other: str) -> None:
    """With its own credentials an environment can neither list, read, write nor delete there."""
    place = bucket.named(other)
    own, foreign = (servers.client(s3.variables(name)) for name in (one, other))
    foreign.put_object(Bucket=place, Key="secret", Body=b"x")

    attempts: list[Callable[[], object]] = [
        lambda: own.list_objects_v2(Bucket=place),
        lambda: own.get_object(Bucket=place, Key="secret"),
        lambda: own.put_object(Bucket=place, Key="new", Body=b"x"),
        lambda: own.delete_object(Bucket=place, Key="secret"),
    ]
    for attempt in attempts:
        with pytest.raises(ClientError, match=r"AccessDenied|NoSuchBucket"):
            attempt()
    found = [entry["Key"] for entry in foreign.list_objects_v2(Bucket=place)["Contents"]]
    assert "secret" in found
    assert "new" not in found
    assert place not in [entry["Name"] for entry in own.list_buckets()["Buckets"]]


@pytest.mark.integration
def test_a_wrong_secret_is_refused(s3: Platform) -> None:
    """The server checks signatures."""
    client = servers.client({**s3.variables("dev"), "AWS_SECRET_ACCESS_KEY": "wrong"})

    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        client.list_buckets()


@pytest.mark.integration
@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_the_password_of_another_environment_is_refused(
    platform: Platform, enter: Callable[[str], None], monkeypatch: pytest.MonkeyPatch,
    one: str, other: str,
) -> None:  # fmt: skip
    """An environment's MLflow lets in nobody else, and nobody without a password."""
    enter(other)
    monkeypatch.setenv(
        "MLFLOW_TRACKING_PASSWORD", platform.variables(one)["MLFLOW_TRACKING_PASSWORD"]
    )
    with pytest.raises(MlflowException, match=r"401|not authenticated"):
        mlflow.search_experiments()

    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME")
    with pytest.raises(MlflowException, match=r"401|not authenticated"):
        mlflow.search_experiments()


def status(variables: dict[str, str], who: tuple[str, str], path: str, **body: str) -> int:
    """Ask MLflow as somebody; a body changes something. Return the answer's status."""
    method = "PATCH" if "update" in path else "POST" if body else "GET"
    request = urllib.request.Request(
        f"{variables['MLFLOW_TRACKING_URI']}/api/2.0/mlflow/{path}",
        json.dumps(body).encode() if body else None,
        {"Authorization": f"Basic {base64.b64encode(':'.join(who).encode()).decode()}",
         "Content-Type": "application/json"},
        method=method,
    )  # fmt: skip
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.integration
def test_a_password_that_was_changed_is_refused_at_once(platform: Platform) -> None:
    """Although the server remembers for a while that it was right."""
    variables, experiments = platform.variables("dev"), "experiments/search?max_results=1"
    admin = variables["MLFLOW_TRACKING_USERNAME"], variables["MLFLOW_TRACKING_PASSWORD"]
    old, new = ("guest", "the-first-password"), ("guest", "the-second-password")

    assert status(variables, admin, "users/create", username="guest", password=old[1]) == 200
    assert status(variables, old, experiments) == 200
    assert status(variables, old, experiments) == 200
    told = {"username": "guest", "password": new[1]}
    assert status(variables, admin, "users/update-password", **told) == 200
    assert status(variables, old, experiments) == 401
    assert status(variables, new, experiments) == 200


@pytest.mark.integration
def test_a_run_leaves_no_trace_in_another_environment(
    platform: Platform, enter: Callable[[str], None], record: Record
) -> None:
    """Neither in MLflow, nor in the registry, nor in the storage."""
    run_id = record("dev", "trace")
    dev = servers.client(platform.variables("dev")).list_objects_v2(Bucket=servers.DEV)

    assert any(run_id in entry["Key"] for entry in dev["Contents"])
    for other in ("qa", "prod"):
        enter(other)
        client = mlflow.MlflowClient()
        assert client.get_experiment_by_name("trace") is None
        assert not [model for model in client.search_registered_models() if model.name == "trace"]
        found = servers.client(platform.variables(other)).list_objects_v2(
            Bucket=bucket.named(other)
        )
        assert not [entry for entry in found.get("Contents", []) if run_id in entry["Key"]]


@pytest.mark.integration
def test_all_is_there_after_a_kill(platform: Platform, record: Record, tmp_path: Path) -> None:
    """Every process is killed with -9; started again, runs, versions and objects are as before."""
    run_id = record("qa", "kept")
    platform.down(how=signal.SIGKILL)
    assert platform.running() == {}

    platform.up()

    client = mlflow.MlflowClient()
    assert client.get_run(run_id).data.metrics == {"accuracy": 0.5}
    assert client.get_model_version("kept", "1").run_id == run_id
    note = mlflow.artifacts.download_artifacts(
        "models:/kept/1/note.txt", dst_path=str(tmp_path / "d")
    )
    assert Path(note).read_text() == "kept"


@pytest.mark.integration
def test_starting_twice_starts_nothing_again(platform: Platform) -> None:
    """What runs stays as it is."""
    folder = platform.folder / "run"
    before = {path.name: path.read_text() for path in folder.glob("*.json")}

    platform.up()

    assert {path.name: path.read_text() for path in folder.glob("*.json")} == before


@pytest.mark.integration
def test_credentials_are_readable_by_their_owner_alone(platform: Platform) -> None:
    """And no password stands on a command line."""
    secret = platform.variables("dev")["MLFLOW_TRACKING_PASSWORD"]
    for path in platform.folder.rglob("*"):
        if (
            path.is_file()
            and "disk" not in path.parts
            and secret in path.read_text(errors="ignore")
        ):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    names = [path.stem for path in (platform.folder / "run").glob("*.json")]
    for name in names:
        for process in processes.family(platform.folder / "run", name):
            assert not set(platform._secrets.values()) & set(
                " ".join(process.cmdline()).split("@:")
            )


@pytest.mark.integration
def test_the_variables_file_leads_there(platform: Platform) -> None:
    """It can be read by a shell, as `make platform` says."""
    file = platform.variables_file("prod")
    script = f"set -a; . {file}; set +a; exec {sys.executable} -c 'import os; print(os.environ)'"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)

    for value in platform.variables("prod").values():
        assert value in done.stdout


@pytest.mark.parametrize("seconds", [100, -100])
def test_another_process_with_the_number_is_not_taken_for_the_part(
    tmp_path: Path, seconds: int
) -> None:
    """Process numbers are used again, at the latest after a restart; nobody else's is ended."""
    part = Part("sleeper", ["sleep", "600"], 1)
    processes.start(tmp_path, part)
    found = processes.find(tmp_path, "sleeper")
    assert found
    record = tmp_path / "sleeper.json"
    text = record.read_text()
    record.write_text(text.replace(str(found.create_time()), str(found.create_time() + seconds)))

    other = processes.find(tmp_path, "sleeper")
    processes.end(tmp_path, "sleeper")
    alive = found.is_running() and found.status() != psutil.STATUS_ZOMBIE
    record.write_text(text)
    processes.end(tmp_path, "sleeper")

    assert other is None
    assert alive
    assert processes.find(tmp_path, "sleeper") is None


def test_what_outlives_its_parent_is_ended_too(tmp_path: Path) -> None:
    """A worker whose server was killed would hold the port."""
    part = Part("parent", ["sh", "-c", "sleep 600 & wait"], 1)
    processes.start(tmp_path, part)
    while len(processes.family(tmp_path, "parent")) < 2:
        pass
    parent = processes.find(tmp_path, "parent")
    assert parent
    worker = parent.children()[0]
    parent.kill()
    parent.wait()

    processes.end(tmp_path, "parent")

    assert not worker.is_running()


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    """With the variable that chooses others."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        part = Part("x", ["true"], listener.getsockname()[1])

        with pytest.raises(PlatformError, match=r"port \d+ should be free.*PLATFORM_PORT"):
            processes.start(tmp_path, part)


def test_a_part_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    """And with the log that tells more."""
    part = Part("x", ["sh", "-c", "echo no room >&2"], servers.free_ports()["s3"])
    processes.start(tmp_path, part)

    with pytest.raises(PlatformError, match=r"no room.*x\.log"):
        processes.wait(tmp_path, part)


def test_packages_that_cannot_be_installed_are_told(tmp_path: Path) -> None:
    """And tried again the next time."""
    lock = tmp_path / "platform.lock"
    lock.write_text("none==1 --hash=sha256:00")

    for _ in range(2):
        with pytest.raises(PlatformError, match=r"platform\.lock"):
            programs(tmp_path / "venv", lock, "false")


@pytest.mark.parametrize("text", ["x", "80", "70000"])
def test_a_wrong_port_is_told(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """With what it should be."""
    monkeypatch.setenv("PLATFORM_PORT", text)

    with pytest.raises(PlatformError, match=f"PLATFORM_PORT.*{text}"):
        ports()
