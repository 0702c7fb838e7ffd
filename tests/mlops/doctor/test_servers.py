"""What the doctor says of S3, MLflow and the hub, and that it asks none without need."""

import socket
from pathlib import Path

import pytest

from common import ROOT
from local_platform.servers import Platform
from mlops.doctor import deployment, environment, servers
from servers import DEV, PROJECT
from sickbed import answering, told, unused


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A home without accounts."""
    for name in (*servers.CREDENTIALS, *servers.FILES, "HF_HUB_CACHE", "HF_HUB_OFFLINE", "PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))


class Refused(socket.socket):
    """A network that nobody may touch."""

    def connect(self, *_: object) -> None:
        """Fail the test."""
        raise AssertionError("somebody asks the network")


def test_without_accounts_nobody_asks_the_network(
    monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    """A laptop with the tiny model needs no server."""
    monkeypatch.setattr(socket, "socket", Refused)

    assert "note storage no AWS credentials in variables or ~/.aws" in told(servers.storage(True))
    assert told(servers.tracking("dev")) == "ok MLflow runs are recorded on this machine"
    assert told(servers.hub({"pretrained": None})) == "ok hub nothing to download for this model"
    assert list(deployment.deployment({"target": "none"})) == []


def test_a_bucket_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked by the installed environment, once there are credentials."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused()}")
    found = told(servers.storage(True))

    assert found.startswith(
        f"note storage credentials from AWS_ACCESS_KEY_ID, but cannot use s3://{DEV}/"
    )
    assert "Could not connect" in found
    assert "-> fix it before push, pull" in found
    assert servers.storage(False).state == "ok"


def test_credentials_in_a_file_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In the usual place, or where a variable says."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").touch()
    assert "credentials from ~/.aws/credentials" in told(servers.storage(False))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")

    assert servers.storage(False).state == "note"


@pytest.mark.integration
def test_a_bucket_that_answers_is_told(s3: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a real server; with a wrong password it refuses."""
    monkeypatch.chdir(ROOT)
    for name, value in s3.variables("dev").items():
        monkeypatch.setenv(name, value)
    assert f"ok storage s3://{DEV}/{PROJECT}/dvc answers" in told(servers.storage(True))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")

    assert "SignatureDoesNotMatch" in told(servers.storage(True))


def test_an_mlflow_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training would end with it."""
    port = unused()
    address = f"http://me:secret@127.0.0.1:{port}"  # pragma: allowlist secret
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    found = told(servers.tracking("dev"))

    assert f"NO MLflow cannot use MLflow at http://127.0.0.1:{port}: " in found
    assert "secret" not in found
    monkeypatch.setenv("MLFLOW_OFFLINE", "1")
    assert servers.tracking("dev").state == "ok"


def test_an_mlflow_of_another_version_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fixes differ, features may not."""
    pages = {"/api/2.0/mlflow/experiments/search": "{}", "/version": "3.17.0"}
    with answering(pages) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        monkeypatch.setattr(environment, "version", lambda package: "3.17.2")
        assert told(servers.tracking("dev")) == f"ok MLflow {address} answers, version 3.17.0"
        monkeypatch.setattr(environment, "version", lambda package: "3.20.0")

        assert f"note MLflow {address} runs 3.17.0, here is 3.20.0 -> run the same" in told(
            servers.tracking("dev")
        )


BERT = {"pretrained": "google-bert/bert", "revision": "abc"}


def test_a_hub_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where the model has to come from there."""
    address = f"http://127.0.0.1:{unused()}"
    monkeypatch.setenv("HF_ENDPOINT", address)

    assert (
        f"NO hub google-bert/bert has to be downloaded, but {address} does not answer: [Errno 111]"
        in told(servers.hub(BERT))
    )


def test_a_model_that_the_hub_lacks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be private."""
    with answering({"/api/models/google-bert/bert": "{}"}) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        assert f"ok hub {address} answers" in told(servers.hub(BERT))

        assert "has no public google-bert/brt (404) -> correct model.pretrained" in told(
            servers.hub({**BERT, "pretrained": "google-bert/brt"})
        )


def test_a_model_in_the_cache_needs_no_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In its revision; else HF_HUB_OFFLINE forbids what is needed."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "NO hub google-bert/bert has to be downloaded, but HF_HUB_OFFLINE" in told(
        servers.hub(BERT)
    )
    folder = tmp_path / "hub/hub/models--google-bert--bert/snapshots/abc"
    folder.mkdir(parents=True)
    (folder / "config.json").touch()

    assert told(servers.hub(BERT)) == "ok hub google-bert/bert is in the cache already"
