"""The verbs that share, as far as no server is needed (tests/test_sharing.py has one)."""

import logging
import os
import sys

import pytest

from ml import share
from ml.errors import ConfigError
from ml.sharing import remote


@pytest.mark.parametrize("words", [[], ["fetch"], ["push", "pull"]])
def test_an_unknown_word_is_told(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    """With those that are known."""
    monkeypatch.setattr(sys, "argv", ["share", *words])

    with pytest.raises(ConfigError, match="train, push, pull"):
        share.main()


def test_a_full_disk_is_heard() -> None:
    """In the words of a record, or in the error that it carries."""
    for record in (
        logging.makeLogRecord({"msg": "failed: [Errno 28] No space left on device"}),
        logging.makeLogRecord(
            {"msg": "x", "exc_info": (OSError, OSError(28, "No space left on device"), None)}
        ),
    ):
        heard = share.Heard()
        heard.emit(logging.makeLogRecord({"msg": "all is well"}))
        assert not heard.full
        heard.emit(record)
        assert heard.full


def test_the_default_remote_is_set_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what was set before comes back."""
    monkeypatch.setenv(remote.SYSTEM_CONFIG, "before")

    with remote.default("qa"):
        assert os.environ[remote.SYSTEM_CONFIG] != "before"

    assert os.environ[remote.SYSTEM_CONFIG] == "before"
