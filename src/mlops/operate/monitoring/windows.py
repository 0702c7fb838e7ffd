"""How long the rules look back and wait; tests shrink all of it by one factor.

The burn rates are those of the SRE workbook: 14.4 spends 2 % of a month's budget in an hour, 6
spends 5 % in six hours, 1 spends 10 % in three days. The short window ends the alert soon after its
cause.
Source: https://sre.google/workbook/alerting-on-slos/
"""

from dataclasses import dataclass, fields, replace

PAGE, TICKET = "page", "ticket"
DAY = 86_400
UNITS = ((DAY, "d"), (3600, "h"), (60, "m"), (1, "s"))


@dataclass(frozen=True)
class Burn:
    """How fast the budget may be spent, over a long window and still over a short one."""

    long: float
    short: float
    factor: float
    severity: str


BURNS = (
    Burn(3600, 300, 14.4, PAGE),
    Burn(6 * 3600, 1800, 6, PAGE),
    Burn(3 * DAY, 6 * 3600, 1, TICKET),
)


@dataclass(frozen=True)
class Windows:
    """Seconds."""

    idle: float  # without a request
    stale: float  # age of the live version
    canary: float  # that a canary may take
    burns: tuple[Burn, ...] = BURNS
    day: float = DAY
    gone: float = 60  # until all that is gone is an alert
    down: float = 300  # until one pod that does not answer is an alert
    crashes: float = 900  # in which several starts are a loop
    queue: float = 300  # that the queue may be half full
    log: float = 900  # in which no line may be dropped
    drift: float = 8 * DAY  # since the last window that was compared
    keep: float = 300  # that an alert goes on when its cause has ended
    tick: float = 30  # between two evaluations

    def scaled(self, factor: float) -> "Windows":
        """Return the same windows, all of them so many times as long."""
        burns = tuple(
            replace(one, long=one.long * factor, short=one.short * factor) for one in self.burns
        )
        rest = {
            one.name: getattr(self, one.name) * factor
            for one in fields(self)
            if one.name != "burns"
        }
        return Windows(burns=burns, **rest)

    @property
    def increases(self) -> list[float]:
        """The windows over which requests are counted."""
        both = {length for one in self.burns for length in (one.long, one.short)}
        return sorted(both | {self.idle, self.day})


def written(seconds: float) -> str:
    """Return a time as Prometheus writes it, in the largest unit that divides it."""
    for size, unit in UNITS:
        if seconds >= size and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{round(seconds * 1000)}ms"
