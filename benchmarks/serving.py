"""Measure the service beside its peers and write the tables.

Run: python benchmarks/serving.py [--quick] [--only peers] [--keep FOLDER]
Writes: benchmarks/serving.md; with --only just those sections of it, with --quick nothing
"""

import argparse
import contextlib
import signal
import sys
import tempfile
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import cold_start
import contenders
import default_model
import load
import overload
import results
import serving_inputs
import side_by_side
from settings import ROOT, Settings, shared
from table import Section

RESULTS = ROOT / "benchmarks" / "serving.md"
TITLES = (
    "MiniLM-L6, side by side", "MiniLM-L6, targets", "Default model, lists", "Start and size",
    "Overload", "HTTP layer: ours and Starlette",
)  # fmt: skip
PACKAGES = ("bentoml", "onnxruntime", "tokenizers", "torch", "transformers", "mlflow")
HEADER = """\
# Serving benchmarks

Written by `make bench-serve` (`python benchmarks/serving.py`).
"""


class Inputs:
    """What is measured; made when it is first asked for."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.work = settings.work

    @cached_property
    def minilm(self) -> serving_inputs.Model:
        """The fine-tuned MiniLM-L6."""
        return serving_inputs.trained_minilm(self.settings)

    @cached_property
    def default(self) -> serving_inputs.Model:
        """The model of `make train`."""
        return serving_inputs.trained_default(self.settings)

    @property
    def both(self) -> dict[str, serving_inputs.Model]:
        """The models by name; quick: one of them, as there is but one."""
        named = {"default": self.default}
        return named if self.settings.quick else {**named, "MiniLM-L6": self.minilm}

    @cached_property
    def binaries(self) -> tuple[Path, Path]:
        """The programs of the peers' environment and of our service's."""
        peers, own = serving_inputs.locks()
        return (
            serving_inputs.installed(self.settings, peers),
            serving_inputs.installed(self.settings, own),
        )

    def ours(self, model: serving_inputs.Model) -> contenders.Contender:
        """Our service of a model."""
        return contenders.ours(model.store, self.binaries[1])

    def peers(self) -> list[contenders.Contender]:
        """The peers of MiniLM-L6."""
        copy = serving_inputs.mlflow_copy(self.settings, self.minilm)
        return contenders.peers(self.minilm.trained, self.minilm.exported, copy, self.binaries[0])

    def make(self, wanted: Collection[str]) -> None:
        """Make what is needed, before anything is measured."""
        for name in load.PACKAGES:
            load.tool(name)  # rather now than after ten minutes
        if {"peers", "overload"} & set(wanted):
            self.peers()
        self.ours(self.default)

    def seconds(self, full: int) -> int:
        """Return how long to measure."""
        return 1 if self.settings.quick else full


def peers(inputs: Inputs) -> list[Section]:
    """Compare servers of MiniLM-L6."""
    pace = side_by_side.QUICK if inputs.settings.quick else side_by_side.FULL
    ours = inputs.ours(inputs.minilm)
    alone = contenders.ours(inputs.minilm.alone, inputs.binaries[1])
    everyone = [*inputs.peers(), ours, alone._replace(name=contenders.ALONE)]
    minilm = inputs.minilm
    engine = side_by_side.Engine(
        inputs.binaries[1] / "python", minilm.folder / "src", minilm.exported
    )
    table, *others = side_by_side.measure(everyone, minilm.sentences(), pace, inputs.work, engine)
    told = f"The exported model, for all that run ONNX: {inputs.minilm.facts()}."
    return [replace(table, notes=[*table.notes, told]), *others]


def models(inputs: Inputs) -> list[Section]:
    """Measure our service with both models, single texts and lists."""
    asked = {name: (inputs.ours(model), model.sentences()) for name, model in inputs.both.items()}
    (table,) = default_model.measure(asked, inputs.seconds(6), inputs.work)
    told = f"The default model as exported: {inputs.default.facts()}."
    return [replace(table, notes=[*table.notes, told])]


def start(inputs: Inputs) -> list[Section]:
    """Measure starts and sizes."""
    asked = {name: inputs.ours(model) for name, model in inputs.both.items()}
    rounds = 1 if inputs.settings.quick else 5
    return cold_start.measure(asked, rounds, inputs.binaries[1], inputs.work)


def flood(inputs: Inputs) -> list[Section]:
    """Measure three times the capacity, ours and FastAPI's."""
    texts = inputs.minilm.sentences()
    (fastapi,) = (peer for peer in inputs.peers() if peer.name == contenders.FASTAPI)
    asked = {
        "ours, MiniLM-L6": (inputs.ours(inputs.minilm), texts),
        "FastAPI, MiniLM-L6": (fastapi, texts),
        "ours, default": (inputs.ours(inputs.default), inputs.default.sentences()),
    }
    return overload.measure(asked, inputs.seconds(8), inputs.work)


ALL: dict[str, Callable[[Inputs], list[Section]]] = {
    "peers": peers, "models": models, "start": start, "overload": flood,
}  # fmt: skip


def options() -> argparse.Namespace:
    """Read the command line."""
    words = shared()
    words.description = "Measure the service beside its peers."
    words.add_argument("--only", action="append", choices=list(ALL), help="may be repeated")
    words.add_argument("--keep", type=Path, help="folder of models and environments, used again")
    words.add_argument("--prepare", action="store_true", help="only make what --keep then holds")
    words.add_argument("--out", type=Path, default=RESULTS, help="file that gets the tables")
    return words.parse_args()


def measure(asked: argparse.Namespace, work: Path) -> None:
    """Measure what is asked for."""
    minilm = asked.minilm.resolve() if asked.minilm else None
    inputs = Inputs(Settings(asked.quick, asked.source.resolve(), minilm, work.resolve()))
    inputs.make(asked.only or ALL)
    if asked.prepare:
        return
    sections = results.earlier(asked.out) if asked.only else {}
    for name in asked.only or ALL:
        state = results.state(asked.source)
        sections |= results.printed(ALL[name](inputs), state)
    if not asked.quick:
        page = results.page(HEADER, PACKAGES, TITLES, sections)
        asked.out.write_text(page, encoding="utf-8")


def main() -> None:
    """Make a working folder, or use the one that is kept."""
    # Who ends the benchmark ends the server that it has started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("error: ended before it was done"))
    asked = options()
    with contextlib.ExitStack() as stack:
        if asked.keep:
            asked.keep.mkdir(parents=True, exist_ok=True)
            measure(asked, asked.keep)
        else:
            measure(asked, Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))))


if __name__ == "__main__":
    main()
