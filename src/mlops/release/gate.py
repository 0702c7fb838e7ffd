"""Decide whether the challenger may be deployed: against bounds, and against the champion.

Reads: ENV, params.yaml, data/prepared/, the registry of the environment; in qa and prod dvc.lock,
    EXP, and conf/ as it is committed, by which alone they judge
Writes: reports/gate.json, tags `gate.*` of the challenger; exit code 1 where it is rejected and
    gate.enabled is true
"""

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mlops.config import schema
from mlops.config.schema import Params
from mlops.core import files, hashing, outputs, terminal
from mlops.core.checks import Check
from mlops.core.errors import GateError, ModelError, run
from mlops.core.project import project
from mlops.export import parity
from mlops.release import bounds, criteria, evidence, work_tree
from mlops.release import champion as opponent
from mlops.release.bounds import Rules
from mlops.release.evidence import REPORTS, Evidence, Split
from mlops.release.verdict import Verdict
from mlops.release.versions import bundle, history, version_files
from mlops.release.versions.registry import CHALLENGER, CHAMPION, Registry, Version

log = logging.getLogger(__name__)
REPORT = Path("reports/gate.json")


def read_split() -> Split:
    """Read the test split of the work tree."""
    path = bundle.PREPARED / "test.parquet"
    if not path.exists():
        raise GateError(f"no test split: {path} is missing; run `make train`")
    labels = files.read_json(bundle.PREPARED / "labels.json", "labels")["labels"]
    return Split(files.read_parquet(path, "text", "label"), labels)


def decide(
    challenger: tuple[Version, Path], champion: tuple[Version, Path | None] | None, params: Params
) -> Verdict:
    """Return the verdict on a challenger; a champion without files cannot be read."""
    test = read_split()
    version, release = challenger
    checks: list[Check] = []
    try:
        checks += check_files(version, release)
        ours = evidence.gather(release, test, params)
        checks += project().criteria(ours, test, params.gate)
        checks += check_reported(ours, release, test, params)
        if champion:
            checks += compare((ours, release), champion, test, params)
    except ModelError as error:
        checks.append(Check("the challenger predicts", False, str(error), "probabilities"))
    return Verdict(str(version), str(champion[0]) if champion else None, tuple(checks))


def check_files(version: Version, release: Path) -> Iterator[Check]:
    """Yield whether the files of a version are those that were registered."""
    found, wanted = hashing.digest(release), version.tags.get("release.sha256", "none")
    yield Check("registered files", found == wanted, found[:12], wanted[:12])


def check_reported(ours: Evidence, release: Path, test: Split, params: Params) -> Iterator[Check]:
    """Yield whether the metrics that came with the model hold, and what is served with it."""
    reported = evidence.read_reported_metrics(release)
    predicted = parity.read_predictions(release / REPORTS / "predictions.parquet", test.labels)
    yield from criteria.check_reported_metrics(reported, predicted, test, params.evaluate)
    yield criteria.check_parity(ours, predicted, params.export, test.labels)


def compare(
    challenger: tuple[Evidence, Path],
    champion: tuple[Version, Path | None],
    test: Split,
    params: Params,
) -> Iterator[Check]:
    """Yield whether the challenger is better than the champion, which is evaluated again, too.

    The same model, served by other code, cannot be better: it must predict as before.
    """
    ours, files = challenger
    version, release = champion
    if release is None:
        changed = f"{version}: its files are lost or changed"
        yield Check("the champion predicts", False, changed, opponent.lost(version))
        return
    try:
        yield from check_files(version, release)
        theirs = evidence.gather(release, test, params)
    except ModelError as error:
        yield Check("the champion predicts", False, f"{version}: {error}", "probabilities")
        return
    if opponent.is_same_model(files, release):
        yield criteria.check_same_labels(ours, theirs, params.export)
    else:
        yield from criteria.check_lead(ours, theirs, test, params.evaluate)


def check_rollbacks(version: Version, registry: Registry) -> Iterator[Check]:
    """Yield whether this model was rolled back, under any version: metrics do not show why."""
    record = history.read(registry.notes())
    same = [one.number for one in opponent.twins(registry, version)]
    left = next(filter(None, map(record.withdrawn, same)), None)
    found = f"yes, on {left.at}: {left.why or 'no reason given'}" if left else "no"
    yield Check("rolled back before", left is None, found, "no")


def fetch_and_decide(
    version: Version, champion: Version | None, params: Params, registry: Registry
) -> tuple[Verdict, Rules]:
    """Return the verdict on a registered version, and by which rules it was found."""
    with tempfile.TemporaryDirectory(prefix="gate-") as folder:
        release = registry.download(version, Path(folder) / "challenger")
        rules = bounds.find_rules(params, version_files.values(release))
        other = opponent.files(registry, champion, Path(folder)) if champion else None
        verdict = decide((version, release), other, rules.params)
    more = (*rules.checks(version), *check_rollbacks(version, registry))
    against = str(champion) if champion else None  # whichever version stood in for it
    return replace(verdict, champion=against, checks=(*verdict.checks, *more)), rules


def record(registry: Registry, version: Version, verdict: Verdict, rules: Rules) -> None:
    """Write the verdict to the report and to the tags of the version."""
    values = verdict.values()
    outputs.write_json(REPORT, values)
    registry.tag(
        version,
        {
            **rules.tags,
            "gate.verdict": values["verdict"],
            "gate.reasons": "; ".join(verdict.reasons)[:4000],
            "gate.against": verdict.champion or "none",
            "gate.data.test.sha256": hashing.digest(bundle.PREPARED / "test.parquet"),
        },
    )


def find_contestants(registry: Registry, environment: str) -> tuple[Version, Version | None] | None:
    """Return the challenger and the champion; None where nothing is to be judged."""
    version, champion = registry.alias(CHALLENGER), registry.alias(CHAMPION)
    if version is None and champion:
        REPORT.unlink(missing_ok=True)  # of an earlier one, which nobody must take for this
        sys.stdout.write(f"{champion} is live and has no challenger: nothing to evaluate\n")
        return None
    if version is None:
        raise GateError(
            f"{registry.name} has no challenger in {environment}; "
            f"run `make register ENV={environment}`"
        )
    if champion and champion.number == version.number:
        REPORT.unlink(missing_ok=True)
        raise GateError(
            f"{version} is challenger and champion at once, so there is nothing to compare it "
            "with: somebody has moved an alias by hand. `make status` shows what is live; point "
            f"`{CHAMPION}` at that version, or remove `{CHALLENGER}` if {version} is live"
        )
    return version, champion


def main() -> None:
    """Judge the challenger."""
    params = schema.load()
    environment = params.environment
    bundle.check_environment(params, os.environ.get("ENV"))
    registry = Registry(params)
    found = find_contestants(registry, environment)
    if found is None:
        return
    if environment != bounds.LIBERAL:
        work_tree.check(environment, (work_tree.DATA,))
    log.info("evaluating %s", found[0])
    verdict, rules = fetch_and_decide(*found, params, registry)
    record(registry, found[0], verdict, rules)
    sys.stdout.write(
        "\n".join([*map(terminal.mark, verdict.lines()), *rules.lines, f"written to {REPORT}", ""])
    )
    if not rules.params.gate.enabled:
        sys.stdout.write(f"gate.enabled is false in {environment}: this stops nothing\n")
    elif not verdict.accepted:
        raise GateError(
            f"{found[0]} is rejected: {'; '.join(verdict.reasons)}. Train a better model, or "
            f"change its bound: `gate` in conf/env/{environment}.yaml, or where that sets none in "
            f"conf/config.yaml; commit, then `make gate ENV={environment}`"
        )
    else:
        sys.stdout.write(f"next: make deploy ENV={environment}\n")


if __name__ == "__main__":
    run(main)
