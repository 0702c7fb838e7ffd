"""The audit: pip-audit over every lock, with what is accepted until a date."""

import stat
from datetime import date
from pathlib import Path

import pytest

from common import ROOT
from mlops.ci import audit
from mlops.core.errors import AuditError

TODAY = date(2026, 11, 25)
PARTS = {"id": '"CVE-1"', "package": '"x"', "until": "2026-11-25", "reason": f'"{"r" * 20}"'}


def entry(path: Path, **changes: str | None) -> Path:
    """Write a list with one entry; None leaves a key out."""
    lines = [f"{name} = {value}" for name, value in {**PARTS, **changes}.items() if value]
    path.write_text("\n".join(["[[allow]]", *lines]))
    return path


def test_an_entry_is_ignored_until_its_last_day(tmp_path: Path) -> None:
    """By its identifier."""
    assert audit.ignored(entry(tmp_path / "audit.toml"), TODAY) == ["CVE-1"]


def test_an_entry_expires(tmp_path: Path) -> None:
    """The day after, somebody has to look again."""
    with pytest.raises(AuditError, match=r"CVE-1 of x \(2026-11-24\) expired"):
        audit.ignored(entry(tmp_path / "audit.toml", until="2026-11-24"), TODAY)


def test_the_list_of_the_project_can_be_read() -> None:
    """Each entry has a date and a reason."""
    assert audit.ignored(ROOT / audit.IGNORED, TODAY)


@pytest.mark.parametrize("left_out", PARTS)
def test_an_entry_without_a_part_is_refused(left_out: str, tmp_path: Path) -> None:
    """Above all without a date."""
    with pytest.raises(AuditError, match=left_out):
        audit.ignored(entry(tmp_path / "audit.toml", **{left_out: None}), TODAY)


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two locks, and a program for pip-audit that fails for `b.lock`."""
    (tmp_path / "requirements").mkdir()
    for name in ("a.lock", "b.lock"):
        (tmp_path / "requirements" / name).write_text("diskcache==5.6.3\n")
    entry(tmp_path / "requirements" / "audit.toml", until="9999-01-01")
    program = tmp_path / "pip-audit"
    program.write_text(f'#!/bin/bash\necho "$@" >>{tmp_path}/calls\n[[ "$*" != *b.lock ]]\n')
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(audit, "TOOLS", tmp_path)
    return tmp_path


def test_a_finding_in_any_lock_fails_the_audit(project: Path) -> None:
    """All are looked at, strictly, and the sentence says which failed."""
    with pytest.raises(AuditError, match=r"failed for requirements/b\.lock \("):
        audit.main()

    calls = (project / "calls").read_text().splitlines()
    assert [call.split()[-1] for call in calls] == ["requirements/a.lock", "requirements/b.lock"]
    assert all("--strict" in call and "--ignore-vuln CVE-1 " in call for call in calls)


def test_no_finding_passes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says so."""
    (project / "requirements" / "b.lock").unlink()

    audit.main()

    assert "no known vulnerability" in capsys.readouterr().out
