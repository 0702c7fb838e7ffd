"""The verbs that share, as far as no server is needed (test_sharing has one)."""

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.data_cloud import DataCloud
from dvc_data.hashfile.hash_info import HashInfo
from dvc_data.hashfile.status import CompareStatusResult

from common import ROOT
from mlops.core.errors import ConfigError, StorageError
from mlops.storage import remote, share


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
        heard = share.Listener()
        heard.emit(logging.makeLogRecord({"msg": "all is well"}))
        assert not heard.full
        heard.emit(record)
        assert heard.full


def test_an_output_that_is_nowhere_is_heard() -> None:
    """In DVC's own words: it warns, and says that everything is up to date."""
    heard = share.Listener()
    status = CompareStatusResult(set(), {HashInfo("md5", "1" * 32)}, set(), set())
    log = logging.getLogger("dvc.data_cloud")
    log.addHandler(heard)
    try:
        DataCloud(None)._log_missing(status)
    finally:
        log.removeHandler(heard)

    assert heard.missing


def test_the_default_remote_is_set_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what was set before comes back."""
    monkeypatch.setenv(remote.SYSTEM_CONFIG, "before")

    with remote.use_as_default("qa"):
        assert os.environ[remote.SYSTEM_CONFIG] != "before"

    assert os.environ[remote.SYSTEM_CONFIG] == "before"


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        (("core.remote", "qa"), "core.remote is qa: sharing in dev would restore from there"),
        (
            ("remote.dev.url", "s3://old/dvc"),
            r"shares dev at s3://old/dvc, conf/ at s3://mlops-dev",
        ),
    ],
    ids=["another default", "another address"],
)
def test_a_setting_of_dvc_by_which_it_would_share_elsewhere_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: tuple[str, str], told: str
) -> None:
    """A person's own settings stand above the environment's."""
    monkeypatch.chdir(tmp_path)
    subprocess.run(["dvc", "init", "--quiet", "--no-scm"], check=True)
    for name in ("conf", ".dvc/config"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    with remote.use_as_default("dev"):
        remote.check_config("dev")
        key, value = setting
        section, _, option = key.rpartition(".")
        section = section.replace("remote.", "'remote \"") + ("\"'" if "." in section else "")
        text = f"[{section}]\n    {option} = {value}\n"
        (tmp_path / ".dvc" / "config.local").write_text(text)

        with pytest.raises(StorageError, match=told):
            remote.check_config("dev")


def test_a_failed_stage_is_one_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has named its error itself; that the rest is shared is no second one."""

    def fail(pull: bool) -> None:
        raise SystemExit(1)

    monkeypatch.setattr(share, "fetch_data", lambda name: None)
    monkeypatch.setattr(share, "reproduce", fail)
    monkeypatch.setattr(share, "send", lambda name: None)

    with pytest.raises(SystemExit):
        share.train("dev")

    assert capsys.readouterr().err == "what ran before the stage that failed is shared\n"
