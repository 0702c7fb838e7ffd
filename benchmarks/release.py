"""How long do release, deployment and rollback take on one machine, and what do clients notice?

Two models of the default family are trained in a fresh clone, by the verbs as typed, and deployed
to podman beside constant load. It needs what .ci/run installs for containers.

Run: python benchmarks/release.py [--quick]
Writes: benchmarks/release.md, with --quick nothing
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import results
from settings import ROOT
from table import Section

sys.path.extend([str(ROOT / "tests"), str(ROOT / "tests/mlops/support")])
import clones
import containers
import stations

RESULTS = ROOT / "benchmarks" / "release.md"
HEADER = "# Release benchmark\n\nWritten by `python benchmarks/release.py`.\n"
MODELS = {"worse": (8000, 3), "better": (30000, 4)}  # rows and epochs
# What the bounds of qa accept, and no less: a verdict is a part of what is tried.
QUICK = {"worse": (8000, 3), "better": (10000, 3)}
CLIENTS = 4


class Project:
    """A clone whose verbs are timed."""

    def __init__(
        self, folder: Path, station: stations.Station, models: Mapping[str, tuple[int, int]]
    ) -> None:
        self._project = clones.installed(folder / "project")
        clones.experiments(self._project, **models)
        self._station = station
        self._home = folder / "bentoml"
        self.seconds: dict[str, float] = {}

    def make(self, verb: str, model: str, name: str = "") -> str:
        """Run a verb in qa; keep the seconds that it took."""
        start = time.monotonic()
        told = clones.call(
            self._project, "make", verb, "ENV=qa", f"EXP={model}",
            f"SET={self._station.settings()}", **self._station.variables,
            BENTOML_HOME=str(self._home), PATH=path(),
        )  # fmt: skip
        self.seconds[name or verb] = time.monotonic() - start
        return told


def path() -> str:
    """Return where the programs of podman and of this project are."""
    return f"{ROOT / '.venv' / 'bin'}:{containers.PATHS}"


def measure(
    folder: Path, engine: containers.Engine, models: Mapping[str, tuple[int, int]]
) -> list[Section]:
    """Release twice, go back once."""
    state = results.state(ROOT)
    assert engine.base
    station = stations.Station(engine, stations.three_ports(), stations.proxy(engine, folder))
    project = Project(folder, station, models)
    for verb in ("train", "register", "gate", "package", "deploy"):
        sys.stderr.write(project.make(verb, "worse", f"{verb}, first")[-600:])
    with stations.load(station.port, CLIENTS) as load:
        for verb in ("train", "register", "gate", "package", "deploy", "deploy again", "rollback"):
            told = project.make(verb.split()[0], "better", verb)
            sys.stderr.write(told[-600:])
    sys.stderr.write(project.make("status", "better"))
    asked = sum(load.answered.values())
    name = f"{engine.registry}/team/classifier"
    image = engine.podman("images", "--format", "{{.ID}}", name).splitlines()[0]
    size = engine.podman("image", "inspect", "--format", "{{.Size}}", image)
    rows = [(f"`make {name}`", f"{seconds:.1f}") for name, seconds in project.seconds.items()]
    notes = [
        "`first`: nothing was live, and no layer of an image was there. Without it: the second "
        f"model, beside {CLIENTS} clients that ask {1 / stations.PACE:.0f} times a second each.",
        f"Requests during that: {asked + len(load.failed)}, of them failed: {len(load.failed)}; "
        f"answered by {' and '.join(sorted(load.answered))}.",
        f"Image: {int(size) / 1e9:.2f} GB, most of it the base image and the packages.",
        state,
    ]
    return [Section("From a trained model to traffic and back", ("verb", "s"), rows, notes)]


def main() -> None:
    """Measure and write."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--quick", action="store_true", help="small models, to try the benchmark")
    asked = words.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    with containers.engine() as engine, tempfile.TemporaryDirectory() as folder:
        sections = measure(Path(folder), engine, QUICK if asked.quick else MODELS)
    page = "\n".join([HEADER, *(section.markdown() for section in sections)])
    sys.stdout.write(page)
    if not asked.quick:
        RESULTS.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
