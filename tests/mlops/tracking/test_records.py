"""Rules of mlops.tracking.records."""

import json
from pathlib import Path

import pytest

from mlops.core import paths
from mlops.tracking import records

STORE = {"environment": "dev", "tracking_uri": "http://mlflow"}


def test_what_is_noted_later_adds_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that was known is lost."""
    monkeypatch.chdir(tmp_path)
    assert records.read("a" * 64) is None

    records.write("a" * 64, **STORE, run_id="1", evaluated=False)
    records.write("a" * 64, evaluated=True)

    assert records.read("a" * 64) == {**STORE, "run_id": "1", "evaluated": True}


def test_a_record_is_replaced_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads it meanwhile, or after a kill, finds the old one or the new one."""
    monkeypatch.chdir(tmp_path)
    records.write("a" * 64, **STORE, run_id="1")

    with paths.run_record("a" * 64).open() as reader:
        records.write("a" * 64, run_id="2")
        assert json.load(reader) == {**STORE, "run_id": "1"}
    assert [path.name for path in tmp_path.rglob("*.*")] == [".runs", f"{'a' * 64}.json"]
