"""Decide whether the challenger may be deployed: against bounds, and against the champion.

Reads: params.yaml, data/prepared/, the registry of the environment
Writes: reports/gate.json, tags `gate.*` of the challenger; exit code 1 where it is rejected and
    gate.enabled is true
"""

import json
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl

from ml import config, hashing, outputs, payload
from ml.config import Params
from ml.deploying import history
from ml.errors import GateError, KnownError, ModelError, run
from ml.exporting import parity
from ml.gating import criteria, evidence
from ml.gating.criteria import Check
from ml.gating.evidence import REPORTS, Evidence, Split
from ml.gating.verdict import Verdict
from ml.registry import CHALLENGER, CHAMPION, Registry, Version

log = logging.getLogger(__name__)
REPORT = Path("reports/gate.json")


def split() -> Split:
    """Read the test split of the work tree."""
    path = payload.PREPARED / "test.parquet"
    if not path.exists():
        raise GateError(f"{path} should hold the test split, but is missing; run `make train`")
    labels = json.loads((payload.PREPARED / "labels.json").read_text(encoding="utf-8"))["labels"]
    return Split(pl.read_parquet(path), labels)


def decide(
    challenger: tuple[Version, Path], champion: tuple[Version, Path | None] | None, params: Params
) -> Verdict:
    """Return the verdict on a challenger; a champion without files cannot be read."""
    test = split()
    version, release = challenger
    checks: list[Check] = []
    try:
        checks += intact(version, release)
        ours = evidence.gather(release, test, params)
        checks += criteria.absolute(ours, test, params.gate)
        checks += told(ours, release, test, params)
        if champion:
            checks += duel((ours, release), champion, test, params)
    except ModelError as error:
        checks.append(Check("the challenger answers", False, str(error), "probabilities"))
    return Verdict(str(version), str(champion[0]) if champion else None, tuple(checks))


def intact(version: Version, release: Path) -> Iterator[Check]:
    """Yield whether the files of a version are those that were registered."""
    found, wanted = hashing.digest(release), version.tags.get("release.sha256", "none")
    yield Check("registered files", found == wanted, found[:12], wanted[:12])


def told(ours: Evidence, release: Path, test: Split, params: Params) -> Iterator[Check]:
    """Yield whether the figures that came with the model hold, and what is served with it."""
    judged = parity.judged(release / REPORTS / "predictions.parquet", test.labels)
    yield from criteria.honest(evidence.told(release), judged, test, params.evaluate)
    yield criteria.exported(ours, judged, params.export, test.labels)


def duel(
    challenger: tuple[Evidence, Path],
    champion: tuple[Version, Path | None],
    test: Split,
    params: Params,
) -> Iterator[Check]:
    """Yield whether the challenger is better than the champion, who is asked again, too.

    The same model, served by other code, cannot be better: it must answer as before.
    """
    ours, files = challenger
    version, release = champion
    try:
        if release is None:
            raise ModelError("its files cannot be downloaded")
        yield from intact(version, release)
        theirs = evidence.gather(release, test, params)
    except ModelError as error:
        yield Check("the champion answers", False, f"{version}: {error}", "probabilities")
        return
    if is_same_model(files, release):
        yield criteria.unchanged(ours, theirs, params.export)
    else:
        yield from criteria.better(ours, theirs, test, params.evaluate)


def is_same_model(one: Path, other: Path) -> bool:
    """Tell whether two releases hold one trained model, by their files."""
    trained = [release / "model" for release in (one, other)]
    return all(map(Path.is_dir, trained)) and len(set(map(hashing.digest, trained))) == 1


def kept(version: Version, registry: Registry) -> Iterator[Check]:
    """Yield whether a version was live and had to be left: figures have not told why."""
    left = history.read(registry.notes()).withdrawn(version.number)
    found = f"on {left.at}: {left.why or 'no reason told'}" if left else "never"
    yield Check("rolled back", left is None, found, "never")


def fetched(registry: Registry, version: Version, folder: Path) -> Path | None:
    """Return where the files of a version lie, or None if they cannot be had."""
    try:
        return registry.download(version, folder)
    except KnownError:
        return None


def record(registry: Registry, version: Version, verdict: Verdict) -> None:
    """Write the verdict down, for machines and on the version."""
    values = verdict.values()
    outputs.write_json(REPORT, values)
    registry.tag(
        version,
        {
            "gate.verdict": values["verdict"],
            "gate.reasons": "; ".join(verdict.reasons)[:4000],
            "gate.against": verdict.champion or "none",
            "gate.data.test.sha256": hashing.digest(payload.PREPARED / "test.parquet"),
        },
    )


def main() -> None:
    """Judge the challenger."""
    params = config.load()
    payload.check_environment(params, os.environ.get("ENV"))
    registry = Registry(params)
    version, champion = registry.alias(CHALLENGER), registry.alias(CHAMPION)
    if version is None and champion:
        REPORT.unlink(missing_ok=True)  # of an earlier one, which nobody must take for this
        sys.stdout.write(f"{champion} is live and has no challenger: nothing to judge\n")
        return
    if version is None:
        raise GateError(
            f"{params.environment} should have a challenger, found none of {registry.name}; "
            f"run `make register ENV={params.environment}`"
        )
    log.info("judging %s", version)
    with tempfile.TemporaryDirectory(prefix="gate-") as folder:
        release = registry.download(version, Path(folder) / "challenger")
        other = (
            (champion, fetched(registry, champion, Path(folder) / "champion")) if champion else None
        )
        verdict = decide((version, release), other, params)
    verdict = replace(verdict, checks=(*verdict.checks, *kept(version, registry)))
    record(registry, version, verdict)
    sys.stdout.write("\n".join([*verdict.lines(), f"written to {REPORT}", ""]))
    if not params.gate.enabled:
        sys.stdout.write(f"gate.enabled is false in {params.environment}: this stops nothing\n")
    elif not verdict.accepted:
        raise GateError(f"{version} is rejected: {'; '.join(verdict.reasons)}")


if __name__ == "__main__":
    run(main)
