"""Tell what a release brings: figures beside those of the model before, model card, SBOM.

Reads: the registry of the environment, conf/, ENV, EXP, TAG, VERSION (else the newest accepted
    version that was registered from the commit that is checked out, else the one that is live)
Writes: reports/release/{notes.md,model_card.md,metrics.json,sbom.json}
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from ml import outputs, revision, sbom
from ml.compose import asked
from ml.deploying import images
from ml.errors import GateError, run
from ml.gating.evidence import REPORTS
from ml.registry import CHAMPION, Registry, Version
from ml.reviewing import findings, markdown
from ml.reviewing.markdown import cell, code

FOLDER = Path("reports/release")


class Holds(Protocol):
    """What is asked of a registry here."""

    name: str

    def versions(self, **tags: str) -> list[Version]:
        """Return the versions that have these tags, the newest first."""

    def alias(self, alias: str) -> Version | None:
        """Return the version that an alias names."""


def released(registry: Holds, number: str, commit: str) -> Version:
    """Return the version that the notes are about."""
    wanted = {"gate.verdict": "accepted"} | ({} if number else {"git.commit": commit})
    found = [one for one in registry.versions(**wanted) if number in ("", one.number)]
    if found:
        return found[0]
    if not number and (live := registry.alias(CHAMPION)):
        return live
    told = f"version {number}" if number else f"a version registered from commit {commit[:12]}"
    raise GateError(
        f"{registry.name} should have {told} that the gate accepted, found none; a release is told "
        "of after the push to main has trained and judged its model: run this again then"
    )


def before(registry: Holds, version: Version) -> Version | None:
    """Return the version that was live when this one was judged."""
    against = version.tags.get("gate.against", "none")
    return next((one for one in registry.versions() if str(one) == against), None)


def changes(old: Version | None, new: Version) -> list[str]:
    """Return the commits between two versions, as Git tells them."""
    if old is None:
        return []
    span = f"{old.tags.get('git.commit')}..{new.tags.get('git.commit')}"
    command = ["git", "log", "--first-parent", "--format=%h %s", "-50", span, "--"]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    return done.stdout.splitlines() if done.returncode == 0 else []


def notes(old: Version | None, new: Version, tag: str, here: str) -> Iterator[str]:
    """Yield the notes as Markdown; `here` is the commit that is released."""
    tags = new.tags
    yield f"# {tag or new}\n"
    model, commit, data = (code(tags[x]) for x in ("model.sha256", "git.commit", "data.sha256"))
    against = f"against {cell(str(old))}" if old else "the first of its name"
    yield (
        f"{cell(str(new))} in {cell(tags['environment'])}: model {model}, commit {commit}, data "
        f"{data}. The gate accepted it, {against}.\n"
    )
    if tags["git.commit"] != here:
        yield f"Commit {code(here)} has made no other model: this one was live before it.\n"
    figures = findings.figures(_figures(old.tags if old else {}), _figures(tags))
    yield from markdown.figures(figures)
    if told := changes(old, new):
        yield "## Changes\n"
        yield from (f"- {cell(line)}" for line in told)
        yield ""
    yield "## Back\n"
    yield f'    make rollback ENV={tags["environment"]} WHY="..."\n'


def _figures(tags: Mapping[str, str]) -> dict[str, float]:
    return {k.removeprefix("test."): float(v) for k, v in tags.items() if k.startswith("test.")}


def main() -> None:
    """Write notes and what belongs to them."""
    get = os.environ.get
    params = asked()
    registry = Registry(params)
    commit = revision.tags().get("git.commit", "")
    new = released(registry, get("VERSION") or "", commit)
    text = "\n".join(notes(before(registry, new), new, get("TAG") or "", commit))
    with tempfile.TemporaryDirectory(prefix="notes-") as name, outputs.folder(FOLDER) as folder:
        reports = registry.download(new, Path(name), REPORTS)
        for report in ("metrics.json", "model_card.md"):
            shutil.copy(reports / report, folder)
        image = get("IMAGE") or new.tags.get(images.TAG, "")
        found = sbom.of(new, registry, image, params.deploy.engine)
        outputs.write_json(folder / sbom.REPORT.name, found)
        (folder / "notes.md").write_text(text, encoding="utf-8")
    sys.stdout.write(f"{text}\nwritten to {FOLDER}\n")


if __name__ == "__main__":
    run(main)
