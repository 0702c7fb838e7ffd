"""How many examples does a CPU second train, beside the Trainer as its examples use it?

Run: python benchmarks/training_speed.py
Every measurement is a process of its own with one thread, by turns.
"""

import json
import sys
from statistics import median
from typing import NamedTuple

import minilm
from commands import environment, run
from settings import ROOT, Settings, alone
from table import Section, at_least

ROUNDS = 5  # of noisy minutes the middle one
BERT = (
    "model.scratch.type=bert model.scratch.hidden=128 model.scratch.intermediate=512 "
    "model.scratch.vocab_size=8000"
)


class Model(NamedTuple):
    """A model, how many rows take it some seconds, and what must be reached."""

    name: str
    overrides: str
    rows: int
    target: float | None


class Way(NamedTuple):
    """A way to train it: the function in one_training.py, and the dropout."""

    name: str
    function: str
    dropout: str


MODELS = (
    Model("tiny BERT, 1.45 M (2 layers of 128, 8,000 tokens)", BERT, 2048, 2.8),
    Model("tiny, as conf/model/tiny.yaml", "", 2048, None),
    Model("MiniLM-L6", "model.pretrained={minilm}", 320, 2.2),
)
WAYS = (
    Way("Trainer, padded to 64, tokenised per item", "per_item", "null"),
    Way("the same, tokenised beforehand (as run_glue.py itself does)", "beforehand", "null"),
    Way("ours, dropout of the model", "ours", "null"),
    Way("a plain loop over our batches, dropout 0: the bound", "plain", "0.0"),
    Way("ours, dropout 0 (the default)", "ours", "0.0"),
)


def measure(settings: Settings) -> Section:
    """Train each model in each way, by turns."""
    settings.data()
    pretrained = str(minilm.folder(settings))
    # One of each kind: from scratch and pretrained share all code but that.
    models = [MODELS[-1]._replace(rows=64, target=None)] if settings.quick else MODELS
    ways = WAYS[:2] + WAYS[3:] if settings.quick else WAYS  # ours is there once
    found: dict[tuple[Model, Way], list[float]] = {}
    rounds = 1 if settings.quick else ROUNDS
    for _ in range(rounds):
        for model in models:
            for way in ways:
                speeds = found.setdefault((model, way), [])
                speeds.append(speed(settings, model, way, pretrained))
    rows = [row for model in models for row in compared(model, ways, found)]
    notes = [
        "SST-2's training sentences, batches of 32, one epoch, one thread; median of "
        f"{rounds} processes each, by turns; process CPU time from the "
        "texts to the trained model, tokenising included, after a warm-up of two batches.",
        "The first way is what the target compares with. `run_glue.py` itself tokenises "
        "beforehand: that is the second way.",
        "Ours: `ml.train` with its arguments, collator and buckets of equal length, a "
        "validation on 32 rows included. Dropout 0 is our default for models from scratch; a "
        "pretrained one keeps its own unless `model.dropout` says else.",
    ]
    head = ("model", "way", "rows", "examples per CPU second", "ratio", "target", "met")
    return Section("Training speed", head, rows, notes)


def compared(
    model: Model, ways: tuple[Way, ...], found: dict[tuple[Model, Way], list[float]]
) -> list[tuple[str, ...]]:
    """Return the table's lines of one model; the target is for ours at its default."""
    base = median(found[model, ways[0]])
    lines: list[tuple[str, ...]] = []
    for way in ways:
        ratio = median(found[model, way]) / base
        target = model.target if way is ways[-1] else None
        lines.append(
            (
                model.name,
                way.name,
                str(model.rows),
                f"{ratio * base:.{0 if base > 100 else 1}f}",
                f"{ratio:.2f}",
                f"≥ {target}" if target else "",
                at_least(ratio, target) if target else "",
            )
        )
    return lines


def speed(settings: Settings, model: Model, way: Way, pretrained: str) -> float:
    """Train in a process of its own and return examples per CPU second."""
    overrides = (
        f"{model.overrides.format(minilm=pretrained)} model.dropout={way.dropout} "
        "training.epochs=1 training.batch_size=32"
    )
    script = ROOT / "benchmarks" / "one_training.py"
    command = [
        sys.executable,
        str(script),
        way.function,
        str(model.rows),
        str(settings.sst2),
        overrides,
    ]
    folder = settings.work / "speed"
    folder.mkdir(exist_ok=True)
    variables = environment(
        PYTHONPATH=str(ROOT / "src"), OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false",
        HF_HUB_OFFLINE="1",
    )  # fmt: skip
    told = run(command, folder, variables).output.splitlines()
    (found,) = (text for text in told if text.startswith('{"examples'))
    return float(json.loads(found)["examples_per_cpu_second"])


if __name__ == "__main__":
    alone(measure)
