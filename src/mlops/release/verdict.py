"""The gate's decision, as a table for people and as JSON for machines."""

from dataclasses import asdict, dataclass
from typing import Any

from mlops.core.checks import Check


@dataclass(frozen=True)
class Verdict:
    """All checks of a challenger; accepted only if there are some and each has passed."""

    challenger: str
    champion: str | None
    checks: tuple[Check, ...]

    @property
    def accepted(self) -> bool:
        """Return whether the challenger may be deployed."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def reasons(self) -> list[str]:
        """Return why it may not."""
        return [
            f"{check.criterion}: {check.found}, expected {check.wanted}"
            for check in self.checks
            if not check.passed
        ]

    def values(self) -> dict[str, Any]:
        """Return the decision as plain values."""
        return {
            "verdict": "accepted" if self.accepted else "rejected",
            "challenger": self.challenger,
            "champion": self.champion,
            "checks": [asdict(check) for check in self.checks],
        }

    def lines(self) -> list[str]:
        """Return the decision as a table."""
        head = ("", "criterion", "found", "wanted")
        rows = [
            ("ok" if check.passed else "NO", check.criterion, check.found, check.wanted)
            for check in self.checks
        ]
        widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
        table = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (head, *rows)
        ]
        against = (
            f"against {self.champion}" if self.champion else "no champion yet: nothing is live"
        )
        done = "accepted" if self.accepted else "rejected"
        return [f"{self.challenger}, {against}", *table, f"{self.challenger} is {done}"]
