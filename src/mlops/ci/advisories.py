"""Vulnerabilities that pip-audit found, against those that are allowed until a date."""

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlops.core.errors import AuditError


@dataclass(frozen=True)
class Finding:
    """A vulnerability of a locked package; `names` are its identifiers."""

    package: str
    version: str
    names: frozenset[str]
    fixed: str  # the first version without it

    def __str__(self) -> str:
        fixed = f"fixed in {self.fixed}" if self.fixed else "no version without it"
        return f"{self.package} {self.version}: {', '.join(sorted(self.names))}, {fixed}"


class Allowed(BaseModel):
    """A vulnerability that is known and borne until a date, for a reason."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1)
    package: str = Field(min_length=1)
    until: date
    reason: str = Field(min_length=20)

    def covers(self, finding: Finding) -> bool:
        """Tell whether it means this finding."""
        return self.package == finding.package and self.id in finding.names


def allowances(path: Path) -> list[Allowed]:
    """Read the list of what is allowed."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        return [Allowed.model_validate(one) for one in told.get("allow", [])]
    except (OSError, ValueError, ValidationError) as error:
        raise AuditError(
            f"{path} should list id, package, until and reason of each [[allow]], but: {error}"
        ) from None


def read(report: dict[str, Any]) -> tuple[list[Finding], list[str]]:
    """Return the findings of a report of pip-audit, and the packages it knows nothing of."""
    findings, unknown = [], []
    for one in report["dependencies"]:
        if "skip_reason" in one:
            unknown.append(f"{one['name']}: {one['skip_reason']}")
        for found in one.get("vulns", []):
            names = frozenset([found["id"], *found.get("aliases", [])])
            fixed = next(iter(found.get("fix_versions", [])), "")
            findings.append(Finding(one["name"], one["version"], names, fixed))
    return findings, unknown


def problems(findings: Iterable[Finding], allowed: list[Allowed], today: date) -> Iterator[str]:
    """Yield what must be mended: findings, allowances that have expired or that nothing needs."""
    found = set(findings)
    for finding in sorted(found, key=str):
        if not any(one.covers(finding) for one in allowed):
            yield str(finding)
    for one in allowed:
        if one.until < today:
            yield f"{one.package}: {one.id} was allowed until {one.until}; look at it again"
        if not any(one.covers(finding) for finding in found):
            yield f"{one.package}: {one.id} is allowed, but nothing has it any more; remove it"
