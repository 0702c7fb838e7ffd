"""Runs as rows of a table: their figures, in what they differ, and how far that can be believed."""

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence

from mlops.core import table
from mlops.tracking.search import Run

SHAPING = ("data.", "prepare.", "model.", "training.")  # sections that decide what a model is
HEAD = ("run", "experiment", "accuracy", "baseline", "macro F1", "seconds", "differs in")
LONGEST = 40  # characters of a value
ROWS = ("data.test.sha256", "data.prepared.md5")  # tags
PAIR = 2
MANY = 6  # values of a run
Differences = dict[str, dict[str, str]]  # by run, its value of each key that differs


def differences(runs: Sequence[Run]) -> Differences:
    """Return the values in which runs differ, of those that decide what a model is."""
    keys = sorted({key for run in runs for key in run.params if key.startswith(SHAPING)})
    differing = [key for key in keys if len({run.params.get(key) for run in runs}) > 1]
    return {run.run_id: {key: run.params.get(key, "-") for key in differing} for run in runs}


def changes(runs: Sequence[Run]) -> Differences:
    """Return in what the runs of each experiment differ among themselves."""
    groups = {one.experiment for one in runs}
    alike = [[run for run in runs if run.experiment == name] for name in groups]
    return {name: found for group in alike for name, found in differences(group).items()}


def short(values: Mapping[str, str]) -> str:
    """Return values in a line, by the last part of each key where that is clear."""
    ends = {key: key.rpartition(".")[2] for key in values}
    count = Counter(ends.values())
    shown = [
        f"{ends[key] if count[ends[key]] == 1 else key}={textwrap.shorten(value, LONGEST)}"
        for key, value in values.items()
    ]
    more = len(shown) - MANY
    return " ".join([*shown[:MANY], *([f"and {more} more"] if more > 0 else [])])


def comparable(one: Run, other: Run) -> bool:
    """Return whether two runs were certainly measured on the same rows.

    Runs of 0.4.0 know the hash of all rows, not that of the test split.
    """
    return any(one.tags.get(tag, "?") == other.tags.get(tag) for tag in ROWS)


def best(runs: Sequence[Run]) -> Run | None:
    """Return the most accurate of the runs that were measured on the same rows as the newest."""
    scored = [run for run in runs if run.figure("accuracy") is not None]
    newest = max(scored, key=lambda run: run.started, default=None)
    same = [run for run in scored if newest in (run, None) or comparable(run, newest)]
    return max(same, key=lambda run: run.figure("accuracy") or 0.0, default=None)


def verdict(runs: Sequence[Run]) -> list[str]:
    """Say which run is best, and what the figures do not show."""
    winner = best(runs)
    if winner is None:
        return ["none of them has been evaluated"]
    scored = [run for run in runs if run.figure("accuracy") is not None]
    rivals = [run for run in scored if run is not winner and comparable(run, winner)]
    close = sum((run.figure("accuracy_high") or 1.0) >= _low(winner) for run in rivals)
    said = [f"* {winner.run_id[:8]} has the highest accuracy{_among(len(rivals), close)}"]
    if others := len(scored) - len(rivals) - 1:
        said.append(
            f"~ {others} measured on other test rows than the newest run: not comparable with it"
        )
    if len(runs) > len(scored):
        said.append(f"- {len(runs) - len(scored)} not evaluated: failed, stopped, or still running")
    return said


def rows(runs: Sequence[Run]) -> list[list[str]]:
    """Return the cells of each run; marks show which is best and which cannot be compared."""
    winner = best(runs)
    found = differences(runs) if len(runs) == PAIR else changes(runs)
    return [
        [
            f"{_mark(run, winner)} {run.run_id[:8]}",
            run.experiment,
            score(run),
            "-" if (base := run.baseline()) is None else f"{base[0]:.3f} {base[1]}",
            number(run.figure("macro_f1")),
            f"{float(run.tags['duration_s']):.0f}" if "duration_s" in run.tags else "-",
            short(found[run.run_id]),
        ]
        for run in runs
    ]


def lines(runs: Sequence[Run], width: int | None) -> list[str]:
    """Return the table; where a width is given, the last column is wrapped to it."""
    cells = rows(runs)
    used = len(table.lines(HEAD[:-1], [row[:-1] for row in cells])[0]) + 12
    room = max(20, width - used) if width else None
    wrapped: list[list[str]] = []
    for *first, last in cells:
        parts = (textwrap.wrap(last, room) if room else [last]) or [""]
        wrapped.append([*first, parts[0]])
        wrapped += [[*([""] * len(first)), part] for part in parts[1:]]
    return table.lines([f"  {HEAD[0]}", *HEAD[1:]], wrapped)


def score(run: Run) -> str:
    """Return accuracy and interval, or why there is none."""
    if run.figure("accuracy") is None:
        return run.status.lower() if run.status != "FINISHED" else "not evaluated"
    low, high = run.figure("accuracy_low"), run.figure("accuracy_high")
    return f"{number(run.figure('accuracy'))} ({number(low)}-{number(high)})"


def number(value: float | None) -> str:
    """Return three decimals."""
    return "-" if value is None else f"{value:.3f}"


def _low(run: Run) -> float:
    found = run.figure("accuracy_low")
    return 0.0 if found is None else found


def _among(rivals: int, close: int) -> str:
    if not rivals:
        return "; no other run was measured on the same test rows"
    if not close:
        return ", and its interval is above all others"
    many = f"{close} of the {rivals} others" if close < rivals else "all others"
    return f", but its interval overlaps that of {many}: it may be chance"


def _mark(run: Run, winner: Run | None) -> str:
    if run is winner:
        return "*"
    if winner is None or run.figure("accuracy") is None:
        return "-"
    return " " if comparable(run, winner) else "~"
