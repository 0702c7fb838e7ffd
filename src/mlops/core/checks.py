"""One criterion and how it went. Every comparison is written so that a NaN fails it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One criterion and how it went."""

    criterion: str
    passed: bool
    found: str
    wanted: str


def at_least(criterion: str, found: float, bound: float, where: str = "") -> Check:
    """Return the check of a figure that must not be lower."""
    suffix = f" ({where})" if where else ""
    return Check(criterion, found >= bound, f"{found:.4f}{suffix}", f"at least {bound:g}")


def at_most(criterion: str, found: float, bound: float) -> Check:
    """Return the check of a figure that must not be higher."""
    return Check(criterion, found <= bound, f"{found:.4f}", f"at most {bound:g}")
