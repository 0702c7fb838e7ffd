"""What came out of a comparison: of one window, and of the windows before it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mlops.operate.drift.decision import Finding
from mlops.operate.drift.rows import Rows
from mlops.operate.drift.words import Moved

DRIFT, NONE, TOO_FEW = "drift", "no drift", "too few requests"


@dataclass(frozen=True)
class Result:
    """A window and how far it is from the reference."""

    start: datetime
    end: datetime
    rows: int
    too_few: str = ""  # why it says nothing
    findings: tuple[Finding, ...] = ()
    unavailable: Mapping[str, str] | None = None
    moved: tuple[Moved, ...] = ()
    now: Rows | None = None  # those that were compared

    @property
    def exceeded(self) -> list[str]:
        """Return the statistics that are beyond their bounds."""
        return [one.statistic for one in self.findings if one.exceeded]


@dataclass(frozen=True)
class Outcome:
    """The newest window, and in how many windows in a row it exceeds what it exceeds."""

    environment: str
    version: str
    newest: Result
    held: Mapping[str, int]
    windows: int  # that make an alarm
    left_out: Mapping[str, int]

    @property
    def alarms(self) -> list[str]:
        """Return the statistics that have exceeded their bounds for long enough."""
        return [name for name, count in self.held.items() if count >= self.windows]

    @property
    def verdict(self) -> str:
        """Return what all of it means."""
        if self.newest.too_few:
            return TOO_FEW
        return DRIFT if self.alarms else NONE

    @property
    def sentence(self) -> str:
        """Return the verdict and its reason."""
        if self.newest.too_few:
            return f"too few requests: {self.newest.too_few}"
        if self.alarms:
            names = ", ".join(self.alarms)
            return f"drift: {names} beyond the bound in {self.windows} windows in a row"
        if self.held:
            rows = ", ".join(
                f"{name} in {count} of {self.windows} windows" for name, count in self.held.items()
            )
            return f"no drift yet: beyond the bound is {rows}"
        return "no drift: no distance is beyond its bound"

    def values(self) -> dict[str, Any]:
        """Return all of it as JSON has it."""
        newest = self.newest
        return {
            "environment": self.environment,
            "version": self.version,
            "verdict": self.verdict,
            "sentence": self.sentence,
            "window": {"start": newest.start.isoformat(), "end": newest.end.isoformat()},
            "rows": newest.rows,
            "left_out": dict(self.left_out),
            "statistics": {one.statistic: self._statistic(one) for one in newest.findings},
            "unavailable": dict(newest.unavailable or {}),
            "moved": [[one.word, one.before, one.now] for one in newest.moved],
        }

    def _statistic(self, one: Finding) -> dict[str, Any]:
        return {
            "distance": round(one.distance, 6),
            "low": round(one.low, 6),
            "max": one.max,
            "windows": self.held.get(one.statistic, 0),
        }
