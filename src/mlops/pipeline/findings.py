"""What is wrong or unwise about a configuration on this machine: its data, tests, GPU and model.

Reads: the first rows of the local sources, *.dvc, the Git repository, nvidia-smi
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mlops.config import hub
from mlops.config.origin import Layers, around
from mlops.config.schema import Params
from mlops.core.errors import ConfigError, DataError
from mlops.pipeline import tracked
from mlops.pipeline.own_data.look import ROWS, Heads, Look, heads, look
from mlops.tables import local, pins
from mlops.tables.sources import SYNTHETIC


class Finding(NamedTuple):
    """A sentence about a configuration; what is not `wrong` is a warning."""

    text: str
    wrong: bool = False


class Findings:
    """Looks at configurations, and at data that several of them name only once."""

    def __init__(self) -> None:
        self._heads: dict[str, Heads] = {}
        self._looks: dict[str, Look] = {}

    def find(self, params: Params, origins: Layers) -> list[Finding]:
        """Return all that is to say."""
        return [
            *map(
                Finding,
                [*unpinned(params), *no_gpu(params), *tracked.untracked(params.data.model_dump())],
            ),
            *self._data(params, origins),
        ]

    def _data(self, params: Params, origins: Layers) -> Iterator[Finding]:
        unseen = [Finding(text) for text in _unseen(params)]
        yield from unseen
        if unseen or params.data.train_path == SYNTHETIC:
            return
        try:
            seen = self._look(params)
        except DataError as error:
            yield Finding(f"{error}", wrong=True)
            return
        if not seen:
            yield Finding(
                f"of {params.data.train_path} only the first {ROWS:,} rows (or 64 MB) were read; "
                "make train checks classes and sizes"
            )
            return
        for test in params.evaluate.behaviour:
            try:
                test.expect(seen.labels)
            except ConfigError as error:
                place = around(origins, ("evaluate", "behaviour")).place
                yield Finding(f"{place}: {error}", wrong=True)

    def _look(self, params: Params) -> Look | None:
        """Return what the data are; None of those that are too long to be seen whole."""
        key = params.data.model_dump_json()
        rows = self._heads[key] = self._heads.get(key) or heads(params.data)
        if not all(one.whole for one in rows.values()):
            return None
        key += params.prepare.model_dump_json()
        seen = self._looks[key] = self._looks.get(key) or look(params, rows)
        return seen


def _unseen(params: Params) -> Iterator[str]:
    """Say of each source that is not on this machine, or not a file, why nothing is said of it."""
    for role, named in pins.paths(params.data).items():
        path = local.path(named) if named and named != SYNTHETIC else None
        if named and path is None and named != SYNTHETIC:
            yield f"data.{role}_path: {named} was not looked at; make smoke EXP=... reads it"
        if path is None or local.found(path).exists():
            continue
        if file := local.tracker(path):
            yield f"data.{role}_path: {path} is not here; make pull, or dvc pull {file}"
        elif not tracked.inside(path):
            yield f"data.{role}_path: {path} does not exist on this machine"


def no_gpu(params: Params) -> Iterator[str]:
    """Say that this machine lacks GPUs; the one that trains may have them."""
    wanted, there = params.resources.gpu, _gpus() if params.resources.gpu else 0
    if wanted > there:
        means = "fails" if params.resources.missing == "fail" else "goes on without"
        yield f"resources.gpu asks for {wanted}, this machine has {there}: make train {means} here"


def _gpus() -> int:
    if not shutil.which("nvidia-smi"):
        return 0
    said = subprocess.run(["nvidia-smi", "-L"], text=True, capture_output=True, check=False)
    return len(re.findall("^GPU ", said.stdout, re.M))


def unpinned(params: Params) -> Iterator[str]:
    """Warn of a model of the hub without a revision."""
    name = params.model.pretrained
    on_hub = name and hub.NAME.fullmatch(name)
    if on_hub and not params.model.revision and not Path(str(name)).exists():
        yield (
            f"model.pretrained: {name} without model.revision may change under your feet; "
            "pin the commit that its page on the hub shows"
        )
