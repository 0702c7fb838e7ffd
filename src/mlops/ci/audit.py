"""Look for known vulnerabilities in the locked packages, by pip-audit.

Reads: requirements/*.lock, requirements/audit.toml; an advisory service over the network
"""

import subprocess
import sys
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlops.core.errors import AuditError, run

TOOLS = Path(".venv/ci/bin")
LOCKS = Path("requirements")
IGNORED = LOCKS / "audit.toml"


class Ignored(BaseModel):
    """A vulnerability that is known and accepted until a date, for a reason."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1)
    package: str = Field(min_length=1)
    until: date
    reason: str = Field(min_length=20)


def ignored(path: Path, today: date) -> list[str]:
    """Return the vulnerabilities to ignore; raise AuditError where one has expired."""
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("allow", [])
        found = [Ignored.model_validate(one) for one in entries]
    except (OSError, ValueError, ValidationError) as error:
        raise AuditError(
            f"{path}: each [[allow]] needs id, package, until and reason: {error}"
        ) from None
    if expired := [one for one in found if one.until < today]:
        named = ", ".join(f"{one.id} of {one.package} ({one.until})" for one in expired)
        raise AuditError(
            f"{path}: {named} expired; remove it if `make audit` passes without "
            "it, or set a new date"
        )
    return [one.id for one in found]


def pip_audit(lock: Path, ids: list[str]) -> bool:
    """Return whether a lock has no vulnerability but these; a package nobody knows fails too."""
    words = ["--strict", "--disable-pip", "--no-deps", "--progress-spinner", "off"]
    words += [word for one in ids for word in ("--ignore-vuln", one)]
    sys.stderr.write(f"{lock}: ")
    sys.stderr.flush()
    command = [str(TOOLS / "pip-audit"), *words, "--requirement", str(lock)]
    return subprocess.run(command, check=False).returncode == 0


def main() -> None:
    """Audit every lock; raise AuditError where one fails."""
    ids = ignored(IGNORED, datetime.now(UTC).date())
    if failed := [str(lock) for lock in sorted(LOCKS.glob("*.lock")) if not pip_audit(lock, ids)]:
        raise AuditError(
            f"pip-audit failed for {', '.join(failed)} (see above); `make lock` takes newer "
            f"versions, and {IGNORED} lists what is accepted until a date"
        )
    sys.stdout.write("no known vulnerability in the locked packages\n")


if __name__ == "__main__":
    run(main)
