"""Logged requests are forgotten by their age, or one by its id; both only when it is said twice."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import logged
from mlops.operate.requests import forget, read
from mlops.operate.requests.shipper import Shipper
from mlops.operate.requests.store import Folder
from mlops.pipeline import compose

NOW = datetime.now(UTC)


@pytest.fixture(name="store")
def _store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """Requests of ten days, two each, in prod and in qa."""
    monkeypatch.setenv("ENV", "prod")
    settings = f"request_log.url={tmp_path / 'store'} request_log.retention_days=3"
    monkeypatch.setenv("SET", settings)
    for environment in ("prod", "qa"):
        for age in range(10):
            time = NOW - timedelta(days=age)
            rows = [logged.lines(f"{name}{age}", time) for name in "ab"]
            logged.spool(tmp_path / "spool", rows)
        Shipper(tmp_path / "spool", Folder(tmp_path / "store"), environment).ship()
    (tmp_path / "store" / "requests" / "prod" / "notes.parquet").write_bytes(b"a person's")
    return Folder(tmp_path / "store")


def forgotten(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **given: str
) -> str:
    """Run the verb; return what it printed."""
    for name in ("ERASE", "APPLY"):
        monkeypatch.setenv(name, given.get(name, ""))
    forget.main()
    return capsys.readouterr().out


def left(environment: str = "prod") -> list[str]:
    """Return what is still read."""
    params = compose.asked().model_copy(update={"environment": environment})
    found = read(params, NOW - timedelta(days=20), NOW + timedelta(days=1))
    return sorted(str(name) for name in found["request_id"])


def test_what_is_old_goes_when_it_is_said(
    store: Folder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whole days; another environment's stay, and what the log did not write."""
    before = left()
    plan = forgotten(monkeypatch, capsys)
    planned = left()
    done = forgotten(monkeypatch, capsys, APPLY="1")

    assert "prod keeps logged requests for 3 days" in plan
    assert "1 of another name, 4 younger" in plan
    assert "nothing is deleted yet: make forget-requests ENV=prod APPLY=1" in plan
    assert planned == before
    assert "deleted: 6 of them" in done
    assert left() == sorted(f"{name}{age}" for name in "ab" for age in range(4))
    assert len(left("qa")) == 20
    assert store.read("requests/prod/notes.parquet") == b"a person's"


@pytest.mark.usefixtures("store")
def test_a_request_is_erased_by_its_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No byte of it stays in any object; its neighbours do."""
    before = left()
    plan = forgotten(monkeypatch, capsys, ERASE="a5")
    planned = left()
    done = forgotten(monkeypatch, capsys, ERASE="a5", APPLY="1")
    again = forgotten(monkeypatch, capsys, ERASE="a5", APPLY="1")
    written = [path.read_bytes() for path in (tmp_path / "store/requests/prod").rglob("*.parquet")]

    assert "request a5: 1 predictions in 1 objects" in plan
    assert "nothing is deleted yet: make forget-requests ENV=prod ERASE=a5 APPLY=1" in plan
    assert planned == before
    assert "erased: 1 predictions in 1 objects" in done
    assert "run the same command again after 6 minutes" in done
    assert left() == [name for name in before if name != "a5"]
    assert not any(b"a5" in content for content in written)
    assert "erased: 0 predictions" in again


@pytest.mark.usefixtures("store")
def test_an_object_of_one_request_goes_with_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], store: Folder
) -> None:
    """No empty one is left."""
    objects = len(list(store.list("requests/prod/")))
    for name in ("a5", "b5"):
        forgotten(monkeypatch, capsys, ERASE=name, APPLY="1")

    assert len(list(store.list("requests/prod/"))) == objects - 1


@pytest.mark.usefixtures("store")
def test_without_a_limit_nothing_goes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The setting is named."""
    monkeypatch.setenv("SET", os.environ["SET"].replace("days=3", "days=null"))

    assert "request_log.retention_days is null" in forgotten(monkeypatch, capsys, APPLY="1")
    assert len(left()) == 20
