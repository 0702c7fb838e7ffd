"""Rules of mlops.config.hub: whether a model can be downloaded is known at once."""

import socket
from pathlib import Path

import pytest

from ml.config import Params
from ml.model.model import build
from mlops.config import hub
from mlops.core.errors import ModelError
from sickbed import answering, unused

NAME = "google-bert/bert"


@pytest.fixture(name="home", autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and leave to use the network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return tmp_path


def test_a_hub_that_refuses_is_said_not_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its address and the reason."""
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{unused()}/")

    assert "does not answer ([Errno 111] Connection refused)" in hub.missing(NAME, "abc")


def test_a_hub_that_is_silent_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A firewall swallows what it does not let through."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")

        assert "does not answer (" in hub.missing(NAME, "abc", 0.1)


def test_a_hub_that_answers_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says of the model is the business of the download."""
    with answering({}) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)

        assert hub.missing(NAME, "abc") == ""


def test_what_is_here_needs_no_hub(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder, a snapshot in the cache, no pretrained model at all, a path."""
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{unused()}")
    (home / "hub/models--google-bert--bert/snapshots/abc").mkdir(parents=True)
    (home / "hub/models--google-bert--bert/snapshots/abc/config.json").touch()

    found = [hub.missing(name, "abc") for name in (NAME, None, str(home), "hub", "../minilm")]
    assert found == [""] * 5


def test_training_ends_at_once_without_the_hub(
    params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one sentence that names the way without it."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    model = params.model.model_copy(update={"pretrained": NAME, "revision": "abc"})

    with pytest.raises(ModelError, match=r"HF_HUB_OFFLINE is set; .* SET=\"model=tiny\""):
        build(model, ["a", "b"], ["text"])
