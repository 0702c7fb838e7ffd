"""How far apart two shares are, and how sure that is.

Intervals of shares are Wilson's, of their differences Newcombe's (method 10): both are sound for
few rows and for shares of 0, where the usual ones have no width. `z` is how sure: 3.29 is 99.9 %.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from scipy.stats import binom, norm

RARE = 5  # a class that both versions together have predicted more rarely is counted among others
OTHERS = ""


@dataclass(frozen=True)
class Interval:
    """A value, and between which bounds it is."""

    low: float
    value: float
    high: float


@dataclass(frozen=True)
class Part:
    """So many of so many."""

    hits: int
    rows: int

    @property
    def share(self) -> float:
        """Return the share; that of nothing is 0."""
        return self.hits / self.rows if self.rows else 0.0


def z_of(confidence: float) -> float:
    """Return how many standard deviations a two-sided interval of this confidence has."""
    return float(norm.isf((1 - confidence) / 2))


def share(part: Part, z: float) -> Interval:
    """Return the Wilson interval of a share; of nothing, from 0 to 1."""
    if not part.rows:
        return Interval(0.0, 0.0, 1.0)
    p, n = part.share, part.rows
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return Interval(max(0.0, middle - half), p, min(1.0, middle + half))


def difference(one: Part, other: Part, z: float) -> Interval:
    """Return how much larger the first share is than the second, by Newcombe's interval."""
    a, b = share(one, z), share(other, z)
    value = a.value - b.value
    down = sqrt((a.value - a.low) ** 2 + (b.high - b.value) ** 2)
    up = sqrt((a.high - a.value) ** 2 + (b.value - b.low) ** 2)
    return Interval(max(-1.0, value - down), value, min(1.0, value + up))


def shift(one: Mapping[str, int], other: Mapping[str, int], z: float) -> Interval:
    """Return the total variation between two counts of classes.

    It is the difference in the share of those classes that the first has more often. Which these
    are was read from the counts: the bounds hold for each choice that could have been made
    (Bonferroni). Rare classes are put together, which can only make the distance smaller.
    """
    counts = _without_rare(one, other)
    rows = [sum(mine for mine, _ in counts.values()), sum(their for _, their in counts.values())]
    if not all(rows):
        return Interval(0.0, 0.0, 1.0)
    more = [pair for pair in counts.values() if pair[0] / rows[0] > pair[1] / rows[1]]
    parts = [Part(sum(pair[side] for pair in more), rows[side]) for side in (0, 1)]
    # As many choices as there are ways to cut the classes in two.
    choices = 2.0 ** min(max(len(counts) - 1, 1), 200) - 1
    found = difference(parts[0], parts[1], float(norm.isf(norm.sf(z) / choices)))
    return Interval(max(0.0, found.low), found.value, found.high)


def _without_rare(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for name in {**one, **other}:
        mine, their = one.get(name, 0), other.get(name, 0)
        kept = name if mine + their >= RARE else OTHERS
        before = found.get(kept, (0, 0))
        found[kept] = (before[0] + mine, before[1] + their)
    return found


def too_few(part: Part, expected: float) -> float:
    """Return how likely so few or fewer hits are, where this share of the rows is expected."""
    return float(binom.cdf(part.hits, part.rows, expected))
