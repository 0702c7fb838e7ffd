"""How often is `make drift` wrong, and what does it find?

A small BERT learns 2,000 sentences of SST-2 through the pipeline. The graph that is served answers
all others, from which references and windows are drawn, and the sentences of UCI.

Run: python benchmarks/drift.py [--quick] [--sst2 folder] [--uci folder]
Writes: benchmarks/drift.md, with --quick nothing
"""

import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import quick
import results
from commands import environment, run
from drift_windows import Window, bare, lists, mixed, pick, plain, shifted
from first_run import clone
from settings import ROOT, SMALL, Settings, chosen, parser
from table import Section

from mlops.config.operating import Drift
from mlops.operate.drift import decision, estimate, rows
from mlops.operate.drift.rows import Rows
from mlops.pipeline.compose import compose
from mlops.release import reference

RESULTS = ROOT / "benchmarks" / "drift.md"
HEADER = "# Drift benchmark\n\nWritten by `python benchmarks/drift.py`.\n"
PACKAGES = ("numpy", "scipy", "scikit-learn", "onnxruntime")
UCI = ROOT / "../shared/data/uci"
LEARNED = 2_000  # sentences of train; the others are held out as well
SPLITS = ("train", "val", "test")
HEAD = ("windows", "texts", "judged", "beyond a bound", "of the worst reference", "alarms", "which")


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    references: int = 20
    many: int = 200  # windows for each reference
    few: int = 20
    some: int = 10  # with texts, which take ten times as long
    shifts: int = 5
    rows: int = 1_800  # of a reference: as SST-2's own test split has
    small: int = 500
    large: int = 2_000


FULL, QUICK = Sizes(), Sizes(2, 4, 3, 3, 3, 60, 30, 40)


class Trials:
    """Windows against references that are drawn from one pool."""

    def __init__(self, pool: Rows, sizes: Sizes, drift: Drift) -> None:
        self.pool, self.sizes, self.drift = pool, sizes, drift

    def row(self, name: str, make: Window, windows: int, texts: str = "no") -> list[str]:
        """Return the row of a kind of window."""
        found = [self._exceeded(make, windows, seed) for seed in range(self.sizes.references)]
        names = Counter(name for one in found for window in one for name in window)
        shares = [float(np.mean([bool(window) for window in one])) for one in found]
        alarms = [self._alarm(one[n:]) for one in found for n in range(len(one))]
        known = [one for one in alarms if one is not None]
        count = sum(map(len, found))
        which = ", ".join(f"{one} {times / count:.0%}" for one, times in names.most_common())
        return [
            name, texts, f"{count:,}", f"{np.mean(shares):.1%}", f"{max(shares):.1%}",
            f"{np.mean(known):.1%}", which or "-",
        ]  # fmt: skip

    def _exceeded(self, make: Window, windows: int, seed: int) -> list[set[str]]:
        """Return what each window exceeds, against one reference."""
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(self.pool))
        before, left = pick(self.pool, order[: self.sizes.rows]), order[self.sizes.rows :]
        samples = (make(rng, left) for _ in range(windows))
        decided = (
            decision.decide(estimate.estimate(before, sample).known, self.drift)
            for sample in samples
        )
        return [{one.statistic for one in found if one.exceeded} for found in decided]

    def _alarm(self, after: list[set[str]]) -> bool | None:
        """Tell whether the next windows exceed one bound together; None where they are too few."""
        first = after[: self.drift.windows]
        return bool(set.intersection(*first)) if len(first) == self.drift.windows else None


def clean(trials: Trials) -> Section:
    """Measure windows without drift, and one that is just not beyond its bound."""
    pool, sizes = trials.pool, trials.sizes
    bound = trials.drift.predicted_class.max
    kinds = [
        (f"{sizes.small} requests", plain(pool, sizes.small)),
        (f"{sizes.large} requests", plain(pool, sizes.large)),
        (f"{sizes.small} texts in lists of ten like ones", lists(pool, sizes.small, known=True)),
        ("the same, were each text a request", lists(pool, sizes.small, known=False)),
        (
            f"{sizes.large} requests, predicted class just at its bound",
            shifted(pool, sizes.large, bound),
        ),
    ]
    counts = [sizes.many, *[sizes.few] * (len(kinds) - 1)]
    found = [
        trials.row(name, bare(make), count)
        for (name, make), count in zip(kinds, counts, strict=True)
    ]
    found.append(trials.row(f"{sizes.small} requests", plain(pool, sizes.small), sizes.some, "yes"))
    chance = decision.chance(trials.drift)
    notes = [
        f"{sizes.references} references of {sizes.rows:,} held-out sentences of SST-2; windows are "
        f"drawn from the others of {len(pool):,}.",
        f"A window may be wrong with a chance of {chance:.2%} "
        f"(drift.false_alarms_per_quarter: {trials.drift.false_alarms_per_quarter:g}).",
        f"Alarms: of {trials.drift.windows} windows one after the other.",
    ]
    return Section("False alarms", HEAD, found, notes)


def power(trials: Trials, other: Rows) -> Section:
    """Measure windows with shifts of stated sizes."""
    pool, sizes = trials.pool, trials.sizes
    found = []
    for size in (sizes.small, sizes.large):
        for by in (0.15, 0.2, 0.3):
            make = bare(shifted(pool, size, by))
            name = f"{size} requests, {100 * by:.0f} points more of one class"
            found.append(trials.row(name, make, sizes.shifts))
    for share in (0.1, 0.25, 0.5, 1.0):
        size = min(sizes.small, int(len(other) / share))
        name = f"{size} requests, {share:.0%} of them UCI"
        make = mixed(pool, size, other, share)
        found.append(trials.row(name, bare(make), sizes.shifts))
        found.append(trials.row(name, make, sizes.shifts, "yes"))
    notes = ["UCI: sentences about products, films and restaurants, with capitals and full stops."]
    return Section("Power", HEAD, found, notes)


def served(settings: Settings, data: Path) -> Path:
    """Train through the pipeline; return the folder of the graph that is served."""
    project = settings.work / "project"
    clone(settings, project)
    learned = settings.work / "learned"
    learned.mkdir()
    for name in SPLITS:
        found = pl.read_parquet(data / f"{name}.parquet")
        found.head(LEARNED).write_parquet(learned / f"{name}.parquet")
    experiment = ROOT / "benchmarks" / "experiments" / "sst2-tiny.yaml"
    shutil.copy(experiment, project / "conf" / "experiment")
    variables = environment(HF_HUB_OFFLINE="1", SST2=str(learned))
    run(["make", "install"], project, variables)
    words = [f"SET={SMALL}"] if settings.quick else []
    run(["make", "train", "ENV=qa", "EXP=sst2-tiny", *words], project, variables)
    return project / "models" / "serving"


def answered(graph: Path, data: Path, skipped: int) -> Rows:
    """Return what the graph answers to all sentences, but for the first ones of train."""
    texts: list[str] = []
    for name in SPLITS:
        found = pl.read_parquet(data / f"{name}.parquet")["text"].to_list()
        texts += found[skipped if name == "train" else 0 :]
    return rows.from_table(reference.answer(graph, list(dict.fromkeys(texts))))


def main() -> None:
    """Measure, and write the page."""
    words = parser()
    words.add_argument("--uci", type=Path, default=UCI, help="folder of UCI")
    options = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="drift-") as work:
        settings = chosen(options, Path(work))
        data = settings.data()
        other = quick.sst2(settings.work / "uci") if settings.quick else options.uci
        graph = served(settings, data)
        pool = answered(graph, data, 0 if settings.quick else LEARNED)
        sizes = QUICK if settings.quick else FULL
        trials = Trials(pool, sizes, compose("prod").drift)
        sections = [clean(trials), power(trials, answered(graph, other, 0))]
        found = results.printed(sections, results.state(settings.source))
    if not settings.quick:
        RESULTS.write_text(results.page(HEADER, PACKAGES, list(found), found), encoding="utf-8")


if __name__ == "__main__":
    main()
