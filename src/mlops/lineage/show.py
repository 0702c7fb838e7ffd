"""Show where a run, a registered version, a Bento or a service comes from, back to the source.

Reads: RUN, VERSION (name/version or name/alias), BENTO (tag) or URL; without one the model in the
    work tree; the MLflow stores of this machine, ENV's first
Writes: nothing, but what the run of the model in the work tree lacks after a plain `dvc repro`
"""

import sys
from collections.abc import Sequence

from mlops.core.errors import run
from mlops.lineage import chain, trace


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as text with aligned columns."""
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:-1]]
    lines = []
    for row in rows:
        cells = [f"{cell:{width}}" for cell, width in zip(row, widths, strict=False)]
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    return "\n".join([*lines, ""])


def main() -> None:
    """Print the chain."""
    sys.stdout.write(table(chain.rows(trace.find())))


if __name__ == "__main__":
    run(main)
