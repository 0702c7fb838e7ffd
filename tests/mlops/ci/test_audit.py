"""The audit: what pip-audit reports, against what is allowed until a date."""

import json
import stat
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import ci_tools
from common import ROOT
from mlops.ci import advisories, audit, secrets
from mlops.ci.advisories import Allowed, Finding
from mlops.core.errors import AuditError

TODAY = date(2026, 11, 25)
FOUND = Finding("diskcache", "5.6.3", frozenset({"PYSEC-2026-2447", "CVE-2025-69872"}), "")
# As pip-audit 2.9 writes it.
REPORT: dict[str, Any] = {
    "dependencies": [
        {"name": "numpy", "version": "2.4.6", "vulns": []},
        {
            "name": "diskcache",
            "version": "5.6.3",
            "vulns": [
                {
                    "id": "PYSEC-2026-2447",
                    "fix_versions": [],
                    "aliases": ["CVE-2025-69872"],
                    "description": "...",
                }
            ],
        },
    ],
    "fixes": [],
}


def allowed(**changes: Any) -> Allowed:
    """Return an allowance of the finding above."""
    values = {"id": "CVE-2025-69872", "package": "diskcache", "until": TODAY, "reason": "r" * 20}
    return Allowed.model_validate({**values, **changes})


def problems(*allowances: Allowed) -> list[str]:
    """Return what is wrong today."""
    return list(advisories.problems(advisories.read(REPORT)[0], list(allowances), TODAY))


def test_a_report_is_read() -> None:
    """By all names that a vulnerability has."""
    assert advisories.read(REPORT) == ([FOUND], [])


def test_what_is_found_is_a_problem() -> None:
    """It tells package, version, names, and where it is fixed."""
    assert problems() == ["diskcache 5.6.3: CVE-2025-69872, PYSEC-2026-2447, no version without it"]


def test_what_is_allowed_is_none_until_its_last_day() -> None:
    """By any of its names."""
    assert problems(allowed()) == []
    assert problems(allowed(id="PYSEC-2026-2447")) == []


def test_an_allowance_expires() -> None:
    """The day after, somebody has to look again."""
    assert problems(allowed(until=date(2026, 11, 24))) == [
        "diskcache: CVE-2025-69872 was allowed until 2026-11-24; look at it again"
    ]


def test_an_allowance_that_nothing_needs_goes() -> None:
    """Of another package, or fixed since: it would hide what comes back."""
    assert len(problems(allowed(package="numpy"))) == 2
    assert problems(allowed(), allowed(id="CVE-1")) == [
        "diskcache: CVE-1 is allowed, but nothing has it any more; remove it"
    ]


def test_the_list_of_the_project_is_dated_and_reasoned() -> None:
    """Each entry can be read."""
    assert advisories.allowances(ROOT / audit.ALLOWED)


@pytest.mark.parametrize("left_out", ["until", "reason", "package", "id"])
def test_an_entry_without_a_part_is_refused(left_out: str, tmp_path: Path) -> None:
    """Above all without a date."""
    parts = {"id": '"CVE-1"', "package": '"x"', "until": "2027-01-01", "reason": f'"{"r" * 20}"'}
    lines = [f"{name} = {value}" for name, value in parts.items() if name != left_out]
    path = tmp_path / "audit.toml"
    path.write_text("\n".join(["[[allow]]", *lines]))

    with pytest.raises(AuditError, match=left_out):
        advisories.allowances(path)


def stand_in(folder: Path, report: dict[str, Any], code: int) -> None:
    """Put a program in pip-audit's place that writes a recorded report."""
    (folder / "report.json").write_text(json.dumps(report))
    program = folder / "pip-audit"
    program.write_text(
        f'#!/bin/bash\nwhile [ "$1" != --output ]; do shift; done\n'
        f'cp "{folder}/report.json" "$2"\nexit {code}\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IEXEC)


@pytest.fixture(name="project_with")
def _project_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one lock and no allowance."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "a.lock").write_text("diskcache==5.6.3\n")
    (tmp_path / "requirements" / "audit.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(audit, "TOOLS", tmp_path)
    return tmp_path


def test_a_finding_fails_the_audit(project_with: Path) -> None:
    """And the sentence says which."""
    stand_in(project_with, REPORT, 1)

    with pytest.raises(AuditError, match=r"diskcache 5\.6\.3: CVE-2025-69872"):
        audit.main()


def test_a_package_that_nobody_was_asked_about_fails_it(project_with: Path) -> None:
    """Silence of the service is no good news."""
    skipped = {"name": "x", "skip_reason": "Dependency not found"}
    stand_in(project_with, {"dependencies": [skipped]}, 0)

    with pytest.raises(AuditError, match="does not know 1, such as x"):
        audit.main()


def test_nothing_found_passes(project_with: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All packages known, none vulnerable."""
    stand_in(project_with, {"dependencies": REPORT["dependencies"][:1]}, 0)

    audit.main()

    assert "no vulnerability" in capsys.readouterr().out


@pytest.mark.slow
def test_a_secret_in_a_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that somebody adds, and not what the baseline knows."""
    monkeypatch.setattr(secrets, "TOOL", ci_tools.installed() / "detect-secrets")
    monkeypatch.chdir(ROOT)
    assert secrets.found() == []
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    key = "AKIA" + "QWERTYUIOPASDFGH"
    (tmp_path / "settings.py").write_text(f'aws = "{key}"\n')
    (tmp_path / secrets.BASELINE).write_text((ROOT / secrets.BASELINE).read_text())
    subprocess.run(["git", "add", "--all"], check=True)

    assert [one.split(" (")[0] for one in secrets.found()] == ["settings.py:1: looks like a secret"]
