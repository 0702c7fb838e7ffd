"""What goes, what stays and why, as a table."""

from collections import Counter
from dataclasses import dataclass, field

SHOWN = 20  # things named one by one; the table counts them all


@dataclass(frozen=True)
class Item:
    """Something that goes: its kind, the name to delete it by, its bytes, and where they lie."""

    kind: str
    name: str
    size: int
    place: str = ""


@dataclass
class Plan:
    """What goes, and for each kind how often a reason lets something stay."""

    going: list[Item] = field(default_factory=list)
    staying: dict[str, Counter[str]] = field(default_factory=dict)

    def stay(self, kind: str, reason: str) -> None:
        """Count something that stays."""
        self.staying.setdefault(kind, Counter())[reason] += 1

    def add(self, other: "Plan") -> None:
        """Take over what another plan says of other kinds."""
        self.going += other.going
        self.staying |= other.staying

    def lines(self) -> list[str]:
        """Return the table, then the first of what goes."""
        kinds = dict.fromkeys([*(item.kind for item in self.going), *self.staying])
        lines = [f"  {'':18} {'goes':>6} {'MB':>10}  stays"]
        for kind in kinds:
            sizes = [item.size for item in self.going if item.kind == kind]
            reasons = sorted(self.staying.get(kind, Counter()).items())
            why = ", ".join(f"{count} {reason}" for reason, count in reasons) or "0"
            lines.append(f"  {kind:18} {len(sizes):6} {sum(sizes) / 1e6:10.1f}  {why}")
        lines += [f"  goes: {i.kind} {i.name} ({i.size:,} bytes)" for i in self.going[:SHOWN]]
        if len(self.going) > SHOWN:
            lines.append(f"  goes: {len(self.going) - SHOWN} more")
        return lines
