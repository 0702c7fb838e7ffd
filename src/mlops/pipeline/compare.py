"""Compare the runs of an environment; the command `make compare`.

Reads: ENV, EXP, A and B (two runs, by the first signs of their ids or by their names), the MLflow
    store of ENV
Writes: reports/compare.html
"""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from mlops.core import environment, files
from mlops.core.errors import TrackingError, run
from mlops.core.names import asked_experiment, refuse_odd
from mlops.pipeline.compose import compose
from mlops.pipeline.runs import page, pair, table
from mlops.tracking.search import UNNAMED, Run, Runs

PAGE = Path("reports/compare.html")
MOST = 20  # runs in a table


def choose(runs: Sequence[Run], name: str, variable: str) -> Run:
    """Return the run that a variable names."""
    found = [one for one in runs if one.run_id.startswith(name) or one.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise TrackingError(
            f"{variable}={name} fits {len(found)} runs; type more of the id: "
            f"{', '.join(one.run_id[:12] for one in found[:5])}"
        )
    known = ", ".join(one.run_id[:8] for one in runs[:5]) or "none"
    raise TrackingError(f"{variable}={name}: no such run; the newest are {known}")


def select(runs: list[Run], first: str, second: str) -> list[Run]:
    """Return the two runs that A and B name, or the newest; A alone is compared with the newest."""
    if not first and not second:
        return runs[:MOST]
    named = {"A": first, "B": second}
    chosen = [choose(runs, name, key) if name else runs[0] for key, name in named.items()]
    if chosen[0] is chosen[1]:
        raise TrackingError(f"A and B are the same run, {chosen[0].run_id[:8]}; name two")
    return chosen


def explain_none(environment: str, experiment: str, others: Sequence[Run]) -> str:
    """Say why there is nothing to compare, and what to do."""
    wanted = f" EXP={experiment}" if experiment else ""
    known = ", ".join(sorted({one.experiment for one in others} - {UNNAMED}))
    there = f"; there are runs of {known}" if known else ""
    of = f" of {experiment}" if experiment else ""
    return f"no runs{of} in {environment}{there}; run `make train ENV={environment}{wanted}` first"


def show(store: Runs, runs: Sequence[Run], older: int = 0) -> None:
    """Print runs, and write the page."""
    said = table.verdict(runs)
    if len(runs) == table.PAIR:
        said.append(pair.compare(store, runs[0], runs[1], store.params.evaluate))
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    text = [*table.lines(runs, width), ""]
    if older:
        text.append(f"{older} older runs are not shown; EXP=... shows those of one experiment")
    title = f"Runs in {store.params.environment}"
    files.write(PAGE, page.render(store, runs, title, said).encode())
    sys.stdout.write("\n".join([*text, *said, f"curves side by side: {PAGE}", ""]))


def main() -> None:
    """Print what is asked for."""
    where, get = environment.asked(), os.environ.get
    experiment, asked = asked_experiment(), (get("A") or "", get("B") or "")
    if experiment:
        refuse_odd(experiment, "EXP")
    store = Runs(compose(where))
    found = store.newest(experiment)
    if not found:
        raise TrackingError(explain_none(where, experiment, store.newest()))
    chosen = select(found, *asked)
    show(store, chosen, 0 if any(asked) else len(found) - len(chosen))


if __name__ == "__main__":
    run(main)
