"""Show what is deployed in an environment, its origin, and what a rollback returns to.

Reads: ENV, conf/, the environment's registry, what the target runs
Writes: nothing, but undoes a canary that nobody judges any more; exit code 1 where what runs is not
    what was deployed
"""

import sys
from collections.abc import Iterator

from mlops.core.errors import DeployError, run
from mlops.deployment import mover
from mlops.deployment.mover import Split
from mlops.deployment.rollout import Rollout
from mlops.deployment.target import Live
from mlops.pipeline.compose import asked
from mlops.release.versions import history, version_files
from mlops.release.versions.history import History
from mlops.release.versions.registry import CHALLENGER, CHAMPION, Registry, Version

WIDTH = 12


def main() -> None:
    """Print the table; raise DeployError where something is wrong."""
    params = asked()
    registry = Registry(params)
    found, champion = history.read(registry.notes()), registry.alias(CHAMPION)
    rollout, live, unreachable = None, None, ""
    try:
        rollout = Rollout(params)
        rollout.attend()
        live, found = rollout.target.live(), history.read(registry.notes())
    except DeployError as error:
        if found.hashes or champion:  # something was deployed, and nobody knows what runs now
            raise
        unreachable = str(error)
    nothing = ("live", f"nothing is deployed in {params.environment}")
    rows: list[tuple[str, str]] = [("environment", params.environment)]
    rows += _deployed(registry, live, found) if live else [nothing]
    rows += [("target", unreachable)] if unreachable else []
    rows += _shared(mover.divided(rollout.target)) if rollout and live else []
    challenger = registry.alias(CHALLENGER)
    verdict = challenger.tags.get("gate.verdict", "no verdict yet") if challenger else ""
    rows.append(("challenger", f"{challenger}: {verdict}" if challenger else "none"))
    rows.append(("record", found.wrong or f"{len(found.entries)} entries, unchanged"))
    sys.stdout.write("".join(f"{name:{WIDTH}} {value}\n" for name, value in rows))
    if rollout and (wrong := [*_wrong(rollout, live, champion, found)]):
        raise DeployError("; ".join(wrong))


def _shared(split: Split | None) -> list[tuple[str, str]]:
    if not split:
        return []
    share = f"copies of {split.weight} %" if split.role == "shadow" else f"{split.weight} %"
    until = f"since {split.begun}, until {split.deadline} at the latest"
    return [(split.role, f"version {split.version} gets {share} of the requests, {until}")]


def _deployed(registry: Registry, live: Live, found: History) -> Iterator[tuple[str, str]]:
    if version := registry.find(live.version):
        yield from (*_live(live, version, found), *_origin(version))
        if version_files.overwritten(registry, version):
            lost = version_files.damaged(registry, version)
            yield "files", f"{lost}; {version_files.advice(version)}"
    else:
        yield "live", f"version {live.version}, not registered"


def _live(live: Live, version: Version, found: History) -> Iterator[tuple[str, str]]:
    yield "live", str(version)
    entry, back = found.live, found.back
    if entry:
        why = f" ({entry.why})" if entry.why else ""
        yield "since", f"{entry.at}, {entry.what} by {entry.who}{why}"
    yield "rollback to", f"version {back.version}, live since {back.at}" if back else "none"
    yield "image", live.image


def _origin(version: Version) -> Iterator[tuple[str, str]]:
    tags = version.tags
    known = {name: tags.get(name, "unknown") for name in ("git.commit", "params.sha256")}
    yield "commit", known["git.commit"]
    yield "params", known["params.sha256"][:WIDTH]
    yield "data", tags.get("data.sha256", "unknown")[:WIDTH]
    yield "model", tags.get("model.sha256", "unknown")[:WIDTH]
    reasons = tags.get("gate.reasons", "")
    verdict = f"{tags.get('gate.verdict', 'none')}, against {tags.get('gate.against', 'none')}"
    yield "gate", f"{verdict}: {reasons}" if reasons else verdict
    yield "chain", f"make lineage VERSION={version.name}/{version.number}"


def _wrong(
    rollout: Rollout, live: Live | None, champion: Version | None, found: History
) -> Iterator[str]:
    if found.wrong:
        yield f"the record of deployments was changed: {found.wrong}"
    if found.unfinished and not mover.divided(rollout.target):
        begun = found.unfinished
        yield (
            f"{begun.who} began a {begun.what} of version {begun.version} on {begun.at}, which has "
            "not ended; wait for it, or if it was killed run `make deploy` or `make rollback`"
        )
    elif not found.unfinished and live and live.record and live.record not in found.hashes:
        yield "entries that were written at the last deployment are missing in the record"
    deployed, serving = found.live.version if found.live else "", live.version if live else ""
    alias = champion.number if champion else ""
    if not found.unfinished and len({deployed, serving, alias}) > 1:
        yield (
            f"version {deployed or 'none'} was deployed last, version {serving or 'none'} has the "
            f"traffic, version {alias or 'none'} is champion; deploy the right one again"
        )
    elif champion and not rollout.is_live(champion):
        yield f"{champion} does not answer; `make deploy` starts it again"


if __name__ == "__main__":
    run(main)
