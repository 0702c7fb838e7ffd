"""Which distances are beyond their bounds by more than chance explains.

A distance must exceed `drift.<statistic>.max`, not zero: with enough requests any difference is
certain, and most matter to nobody. The statistics share one chance of a false alarm (Holm), and the
windows of a quarter share `drift.false_alarms_per_quarter`: evenly, since windows that are compared
with one reference err together.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from scipy.stats import norm

from mlops.config.operating import Drift
from mlops.operate.drift.estimate import Estimate

HOURS = 24 * 365.25 / 4  # of a quarter
LARGEST = 0.05  # chance of a false alarm in a window, however seldom windows are


@dataclass(frozen=True)
class Finding:
    """A statistic of a window: its distance, the lower bound of it, and what it may be."""

    statistic: str
    distance: float
    low: float
    max: float

    @property
    def exceeded(self) -> bool:
        """Tell whether even the lower bound is above what is allowed."""
        return self.low > self.max


def chance(drift: Drift) -> float:
    """Return the chance of a false alarm that a window may have."""
    return min(LARGEST, drift.false_alarms_per_quarter * drift.window_hours / HOURS)


def decide(known: Mapping[str, Estimate], drift: Drift) -> list[Finding]:
    """Return what is known of each statistic, by Holm's step-down rule."""
    alpha = chance(drift)
    bounds = {name: getattr(drift, name).max for name in known}
    order = sorted(known, key=lambda name: -_surplus(known[name], bounds[name]))
    findings, left = {}, len(order)
    for name in order:
        finding = bounded(name, known[name], bounds[name], alpha / left)
        findings[name] = finding
        left -= finding.exceeded  # the first that is not exceeded ends the descent
    return [findings[name] for name in known]


def bounded(name: str, found: Estimate, most: float, alpha: float) -> Finding:
    """Return a finding with its lower bound at a level."""
    low = max(0.0, found.distance - float(norm.isf(alpha)) * found.error)
    return Finding(name, found.distance, low, most)


def _surplus(found: Estimate, most: float) -> float:
    """Return by how many standard errors a distance exceeds its bound."""
    return (found.distance - most) / max(found.error, 1e-12)
