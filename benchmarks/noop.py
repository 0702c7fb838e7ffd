"""What does `make train ENV=dev` cost when there is nothing to do?

Run: python benchmarks/noop.py
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from commands import Timing, environment, run
from first_run import clone
from settings import Settings, alone
from table import Section, at_most

ROUNDS = 5
RATIO = 2.5
OURS = "`make train ENV=dev`"
TRIVIAL = "`dvc repro` of a one-stage repository"
STAGE = """\
stages:
  copy:
    cmd: cp in.txt out.txt
    deps:
      - in.txt
    outs:
      - out.txt
"""


def measure(settings: Settings) -> Section:
    """Time both by turns, so that a busy moment meets both."""
    project = settings.work / "clone"
    if not (project / "models" / "model").is_dir():
        clone(settings, project)
        run(settings.first_run, project, environment())
    binaries = project / ".venv" / "bin"
    variables = environment()
    variables["PATH"] = f"{binaries}:{variables['PATH']}"
    ours = dict(word.split("=", 1) for word in settings.first_run[2:])  # ENV, SET
    trivial = plain(settings.work / "trivial", variables)
    cases: dict[str, tuple[Sequence[str], Path, Mapping[str, str]]] = {
        OURS: (settings.first_run, project, environment()),
        TRIVIAL: (["dvc", "repro"], trivial, variables),
        # A part of the first: without make and the summary.
        "`dvc repro` of our pipeline": (["dvc", "repro"], project, {**variables, **ours}),
    }
    walls: dict[str, list[float]] = {name: [] for name in cases}
    rounds = 1 if settings.quick else ROUNDS
    for turn in range(rounds + 1):
        for name, case in cases.items():
            timing = nothing(run(*case))
            if turn:  # the first only warms up
                walls[name].append(timing.wall)
    ratio = median(walls[OURS]) / median(walls[TRIVIAL])
    rows = [
        (name, f"{median(times):.2f}", f"{min(times):.2f} to {max(times):.2f}", "", "")
        for name, times in walls.items()
    ]
    rows.append(("ratio of the first two", f"{ratio:.2f}", "", "≤ 2.5", at_most(ratio, RATIO)))
    notes = [f"Wall seconds, median of {rounds} by turns, nothing changed; the same DVC."]
    return Section("No-op", ("what", "median", "range", "target", "met"), rows, notes)


def plain(folder: Path, variables: Mapping[str, str]) -> Path:
    """Make a repository with one stage that has run, settings as in ours."""
    folder.mkdir()
    (folder / "dvc.yaml").write_text(STAGE, encoding="utf-8")
    (folder / "in.txt").write_text("content\n", encoding="utf-8")
    author = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")
    for command in (
        ["git", "init", "--quiet"],
        ["dvc", "init", "--quiet"],
        ["dvc", "config", "core.analytics", "false"],
        ["dvc", "config", "core.check_update", "false"],
        ["dvc", "repro", "--quiet"],
        ["git", "add", "."],
        ["git", *author, "commit", "--quiet", "--message", "One stage"],
    ):
        run(command, folder, variables)
    return folder


def nothing(timing: Timing) -> Timing:
    """Refuse a run that did something."""
    for stage in ("copy", "ingest", "prepare", "train", "evaluate", "export"):
        if re.search(rf"(?m)Running stage '{stage}'|^{stage} +running", timing.output):
            raise SystemExit(f"error: expected a no-op, but the stage {stage!r} ran")
    return timing


if __name__ == "__main__":
    alone(measure)
