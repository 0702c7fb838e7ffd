"""Train each combination of some values, one after the other; the command `make sweep`.

Each goes through `make train`, so that what was trained before costs nothing. Afterwards the work
tree is as it was: the model in it stays the one that was there.

Reads: ENV, EXP, SET, SHARE, OVER (key=value,value ...)
Writes: the runs; params.yaml, dvc.lock and the outputs of the pipeline while it runs;
    reports/compare.html
"""

import itertools
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mlops.config import overrides
from mlops.core import environment, hashing
from mlops.core.errors import ConfigError, ModelError, run
from mlops.core.names import asked_experiment
from mlops.pipeline import compare
from mlops.pipeline.compose import compose
from mlops.pipeline.runs import table
from mlops.tracking import records
from mlops.tracking.search import Runs

MODEL = Path("models/model")
LOCK = Path("dvc.lock")
WRITTEN = (Path("params.yaml"), LOCK, Path("sources.lock"))  # beside DVC's outputs
MAKE = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "OVER")  # of the make around this one
EXAMPLE = 'OVER="training.learning_rate=3e-4,1e-3 training.epochs=1,2"'


def combine(over: str) -> list[str]:
    """Return the words of SET for each combination of the values in OVER."""
    words = overrides.split(over, "OVER")
    if not words or "env" in overrides.chosen(words):
        raise ConfigError(f"OVER: expected values to try in one environment, as in {EXAMPLE}")
    # Hydra takes half a second to load.
    from mlops.config.composition import choices  # noqa: PLC0415

    tried = [[f"{word.key}={value}" for value in choices(word)] for word in words]
    return [shlex.join(chosen) for chosen in itertools.product(*tried)]


def command(where: str, experiment: str, words: str) -> list[str]:
    """Return what trains one combination."""
    return ["make", "train", f"ENV={where}", f"EXP={experiment}", f"SET={words}"]


def typed(words: Sequence[str]) -> str:
    """Return a command as a person types it, without what is the default."""
    plain = [word for word in words if word not in ("ENV=dev", "EXP=default")]
    return " ".join(
        f'SET="{word[4:]}"' if word.startswith("SET=") and not set(word) & set("\"'$`\\!")
        else shlex.quote(word)
        for word in plain
    )  # fmt: skip


def train(words: Sequence[str]) -> bool:
    """Run a training; return whether it came to its end."""
    inherited = {n: v for n, v in os.environ.items() if n not in MAKE}
    process = subprocess.Popen(words, env=inherited)
    try:
        return process.wait() == 0
    except KeyboardInterrupt:
        process.wait()  # the terminal has told it, too: it ends what it is writing
        raise


def find_run(where: str) -> str:
    """Return the id of the run that trained the model in the work tree."""
    record = records.read(hashing.digest(MODEL)) or {}
    return str(record["run_id"]) if record.get("environment") == where else ""


@contextmanager
def restored() -> Iterator[None]:
    """Bring the work tree back to what it was."""
    before = {path: path.read_bytes() if path.exists() else None for path in WRITTEN}
    try:
        yield
    finally:
        for path, content in before.items():
            if content is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(content)
        # Where nothing was trained before, it removes what has come.
        missing = [] if before[LOCK] else ["--allow-missing"]
        words = ["dvc", "checkout", "--force", "--quiet", *missing]
        if subprocess.run(words, capture_output=True, check=False).returncode:
            sys.stderr.write(
                "warning: the model of before is no longer in DVC's cache; `make train` makes it\n"
            )


def sweep(where: str, experiment: str, combinations: Sequence[str]) -> dict[str, str]:
    """Train all; return by combination the id of its run, an empty one where there is none."""
    found: dict[str, str] = {}
    for number, words in enumerate(combinations, start=1):
        sys.stdout.write(f"\n[{number} of {len(combinations)}] {words}\n")
        sys.stdout.flush()
        if train(command(where, experiment, words)):
            found[words] = find_run(where)
    return found


def conclude(store: Runs, found: dict[str, str], where: str, experiment: str) -> list[str]:
    """Print the table of the runs, the best first; return what to do next."""
    runs = [one for one in store.newest() if one.run_id in found.values()]
    runs.sort(key=lambda one: -(one.figure("accuracy") or 0.0))
    compare.show(store, runs)
    winner = table.best(runs)
    said = [
        f"make the best one current: {typed(command(where, experiment, words))}"
        for words, run_id in found.items()
        if winner and run_id == winner.run_id
    ][:1]
    if elsewhere := sum(not run_id for run_id in found.values()):
        said.append(f"{elsewhere} came from a cache and have no run in {where}: not in the table")
    return said


def main() -> None:
    """Try all combinations, and print them as a table."""
    where, get = environment.asked(), os.environ.get
    experiment = asked_experiment() or "default"
    combinations = [f"{get('SET') or ''} {words}".strip() for words in combine(get("OVER") or "")]
    compose(where, experiment, get("SET") or "")  # what is wrong from here on is in OVER
    try:
        checked = [compose(where, experiment, words) for words in combinations]
    except ConfigError as error:
        raise ConfigError(str(error).replace("SET: ", "OVER: ", 1)) from None
    sys.stdout.write(
        f"{len(combinations)} runs of {experiment} in {where}, one after the other; a run that "
        "fails does not stop the others, and the work tree is left as it is now\n"
    )
    with restored():
        found = sweep(where, experiment, combinations)
    if any(found.values()):
        sys.stdout.write("\n")
        said = conclude(Runs(checked[0]), found, where, experiment)
        sys.stdout.writelines(f"{line}\n" for line in said)
    if failed := [words for words in combinations if words not in found]:
        raise ModelError(
            f"{len(failed)} of {len(combinations)} runs failed, see above for why: "
            f"{'; '.join(failed)}"
        )


if __name__ == "__main__":
    run(main)
