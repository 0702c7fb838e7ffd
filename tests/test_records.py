"""Rules of ml.journaling.records."""

from pathlib import Path

import pytest

from ml.journaling import records


def test_what_is_noted_later_adds_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that was known is lost."""
    monkeypatch.chdir(tmp_path)
    assert records.read("a" * 64) is None

    records.write("a" * 64, run_id="1", evaluated=False)
    records.write("a" * 64, evaluated=True)

    assert records.read("a" * 64) == {"run_id": "1", "evaluated": True}
