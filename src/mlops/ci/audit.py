"""Look for known vulnerabilities in the locked packages.

Reads: requirements/*.lock, requirements/audit.toml; an advisory service over the network
"""

import json
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlops.ci import advisories
from mlops.core.errors import AuditError, run

TOOLS = Path(".venv/ci/bin")
LOCKS = Path("requirements")
ALLOWED = LOCKS / "audit.toml"


def pip_audit(lock: Path) -> dict[str, Any]:
    """Ask about each package of a lock."""
    with tempfile.TemporaryDirectory(prefix="audit-") as folder:
        out = Path(folder) / "report.json"
        done = subprocess.run(
            [
                str(TOOLS / "pip-audit"), "--disable-pip", "--no-deps", "--progress-spinner", "off",
                "--requirement", str(lock), "--format", "json", "--output", str(out),
            ],
            text=True, capture_output=True, check=False,
        )  # fmt: skip
        if not out.exists() or not out.read_text("utf-8").strip():
            raise AuditError(
                f"pip-audit should look at {lock}, but ended with {done.returncode}: "
                f"{done.stderr.strip()[-500:]}"
            )
        report: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
        return report


def packages() -> list[str]:
    """Return what is wrong with the packages."""
    allowed = advisories.allowances(ALLOWED)
    findings: list[advisories.Finding] = []
    unknown: list[str] = []
    for lock in sorted(LOCKS.glob("*.lock")):
        found, skipped = advisories.read(pip_audit(lock))
        findings += found
        unknown += skipped
    if unknown:
        # No finding about what nobody was asked about is no good news.
        raise AuditError(
            f"the advisory service should know every package, but does not know {len(unknown)}, "
            f"such as {unknown[0]}; run it where the package index answers about vulnerabilities"
        )
    return list(advisories.problems(findings, allowed, datetime.now(UTC).date()))


def main() -> None:
    """Ask, and judge."""
    if found := packages():
        raise AuditError(
            "the locked packages should be without a known vulnerability, but:\n  "
            + "\n  ".join(found)
            + f"\n`make lock` takes newer ones; what must be borne stands in {ALLOWED}"
        )
    sys.stdout.write("no vulnerability in any locked package but those allowed\n")


if __name__ == "__main__":
    run(main)
