"""Rules of mlops.tracking.records and mlops.core.files: damage is told and mended."""

import json
from pathlib import Path

import pytest

from mlops.core import files, paths
from mlops.core.errors import DataError, ModelError
from mlops.tracking import records

MODEL = "a" * 64
KNOWN = {"environment": "dev", "run_id": "1", "tracking_uri": "sqlite:///x.db", "evaluated": True}
DAMAGE = [b"", b"{", b'{"environment": "de', b"\x00" * 30, b"\xff\xfe", b"[1]", b"null", b"{}"]


@pytest.mark.parametrize("content", DAMAGE, ids=repr)
def test_a_damaged_record_is_as_none_and_is_written_anew(
    project: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A power cut left it empty; the model's run is not known, no verb fails for it."""
    path = paths.run_record(MODEL)
    files.write(path, content)

    assert records.read(MODEL) is None
    assert "is damaged" in caplog.text
    records.write(MODEL, **KNOWN)
    assert records.read(MODEL) == KNOWN
    assert project in path.parents


@pytest.mark.usefixtures("project")
def test_a_record_of_a_project_that_was_moved_names_its_own_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whole paths of an earlier release lead nowhere; what a variable names stays as it is."""
    old = "sqlite:////home/me/project/.mlflow/dev/mlflow.db"
    records.write(MODEL, **KNOWN | {"tracking_uri": old})

    assert (records.read(MODEL) or {})["tracking_uri"] == "sqlite:///.mlflow/dev/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", old)
    records.write(MODEL, **KNOWN | {"tracking_uri": old})
    assert (records.read(MODEL) or {})["tracking_uri"] == old


@pytest.mark.parametrize("content", DAMAGE, ids=repr)
def test_a_damaged_file_is_named_with_the_way_on(tmp_path: Path, content: bytes) -> None:
    """One sentence for all kinds of damage."""
    path = tmp_path / "metrics.json"
    path.write_bytes(content)

    with pytest.raises(ModelError, match=r"metrics.json is damaged \(.+\); run `make train`"):
        files.read_json(path, "accuracy", error=ModelError)


def test_a_missing_file_is_named_with_the_way_on(tmp_path: Path) -> None:
    """It is no damage."""
    with pytest.raises(DataError, match=r"metrics.json is missing; run `make train`"):
        files.read_json(tmp_path / "metrics.json")
    assert files.known(tmp_path / "metrics.json") is None


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" * 100, b"text,label\n"], ids=repr)
def test_a_damaged_table_is_named_with_the_way_on(tmp_path: Path, content: bytes) -> None:
    """Whatever its reader chokes on."""
    path = tmp_path / "test.parquet"
    path.write_bytes(content)

    with pytest.raises(DataError, match=r"test.parquet is damaged \(.+\); run `make train`"):
        files.read_parquet(path, "text")


def test_what_is_written_is_whole(tmp_path: Path) -> None:
    """No part of it lies about."""
    files.write_json(tmp_path / "new" / "a.json", {"b": "ü", "a": 1})

    assert json.loads((tmp_path / "new" / "a.json").read_text()) == {"a": 1, "b": "ü"}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.json"]
